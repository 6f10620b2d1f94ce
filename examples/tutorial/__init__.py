"""The scene of the tutorial: an app on an embedded GitHub, and an upstream beside it."""
