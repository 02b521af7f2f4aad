"""One z that moves the pictures of all compared models."""
