"""A run on disk: planned, created, read, reported to, locked and queued.

May import config and data. No torch.
"""
