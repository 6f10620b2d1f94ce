"""How each kind of engine is launched."""
