"""Pure. What of a gate result is shown as a picture: the chart, what it says, and its numbers."""
