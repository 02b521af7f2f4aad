"""Two models' pictures of the same things, laid over one another with a divider to drag."""
