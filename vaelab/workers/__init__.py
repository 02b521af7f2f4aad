"""The processes beside the app: the one that trains, the one that draws maps (t-SNE), and how both are started and kept warm.

May import config, data, models, runs, training and analysis.
"""
