"""One module per suite. Each has `run(context)`, which yields checks (and measurements) as it goes."""
