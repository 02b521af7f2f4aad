"""The first page: what the lab is, moving, and the doors to the rest.

May import what the whole of ui may.
"""
