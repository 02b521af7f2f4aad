"""The lessons' pages: frame.py is the shape that all ten share, every other module is one lesson or a part of one.

May import what the whole of ui may, and vaelab.lessons for every number.
"""
