"""The page Your image: where it comes from, what each model makes of it, and what that is good for.

May import what the whole of ui may.
"""
