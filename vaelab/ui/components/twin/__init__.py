"""Lesson 5's one point that is dragged through two latent spaces."""
