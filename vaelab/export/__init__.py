"""What leaves the lab: the browser's bundles, ONNX, safetensors, and the folder of a trained model with its card.

May import config, images, data, models, runs and analysis.
"""
