"""One module per suite; each has `run(context)`, which yields its checks as it goes."""
