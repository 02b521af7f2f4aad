"""One image or a few: opened safely, fitted to a size, framed, compared, compressed, and coloured.

May import config. No torch.
"""
