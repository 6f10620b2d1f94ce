"""Questions about an app's pin and repository: judged here, read elsewhere."""
