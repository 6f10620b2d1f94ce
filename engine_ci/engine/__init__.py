"""A running server under supervision, and how to talk to it."""
