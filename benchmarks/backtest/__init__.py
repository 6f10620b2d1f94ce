"""The gate over real builds: how it is run, what came of it, and the document about that."""
