"""A sentence whose numbers are dragged where they stand."""
