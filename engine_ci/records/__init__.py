"""The JSON files through which stages meet, one module per file."""
