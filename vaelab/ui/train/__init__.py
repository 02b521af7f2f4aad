"""The page Train: choose data, model and settings, start, watch and steer.

May import what the whole of ui may.
"""
