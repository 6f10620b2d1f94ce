"""The only doors to the outside: programs, HTTP, GitHub, git and files."""
