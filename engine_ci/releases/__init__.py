"""What upstream offers, and which release is worth a try."""
