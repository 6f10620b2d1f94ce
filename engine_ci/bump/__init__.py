"""The one pull request: its diff, its body, its branch. Nothing here, or anywhere, merges it."""
