"""The commands, one file each; the only place where stages meet."""
