"""Which lessons this browser has done."""
