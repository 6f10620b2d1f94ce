"""Where releases come from, one module per kind of source."""
