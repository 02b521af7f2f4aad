"""The page Decode: sliders, pad, walks and directions over the browser decoder.

May import what the whole of ui may.
"""
