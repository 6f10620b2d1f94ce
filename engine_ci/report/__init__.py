"""Pure. A gate result as Markdown and as one HTML page."""
