"""One training from its first batch to its last checkpoint, without knowing who watches.

May import config, data, models and runs.
"""
