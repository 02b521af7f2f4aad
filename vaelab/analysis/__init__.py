"""What a trained model can tell: load and measure it, its codes and their maps, films, and all about one image.

May import config, images, data, models and runs. Never the trainer, never the app.
"""
