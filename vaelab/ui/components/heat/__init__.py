"""A figure over two settings, as a table of coloured cells."""
