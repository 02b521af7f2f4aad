"""A quantised code of a model that trains inside a lesson, to paint on and to draw code by code."""
