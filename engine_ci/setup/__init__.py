"""What `init` finds in an app's repository and writes into it. Pure: files come as texts."""
