"""The files under `pins/`: complete, exact, or rejected."""
