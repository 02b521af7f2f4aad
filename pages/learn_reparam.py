"""Lesson 8: the reparameterization trick."""

from vaelab.ui.learn import reparam

reparam.page()
