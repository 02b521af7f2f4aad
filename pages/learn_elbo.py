"""Lesson 7: the evidence lower bound."""

from vaelab.ui.lessons import elbo

elbo.page()
