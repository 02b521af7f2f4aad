"""The lessons' pages: frame.py is the shape that all ten share, every other module is one lesson."""
