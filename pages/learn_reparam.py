"""Lesson 8: the reparameterization trick."""

from vaelab.ui.lessons import reparam

reparam.page()
