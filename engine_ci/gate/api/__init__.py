"""The HTTP API of a `llama-server`, as far as apps rely on it."""
