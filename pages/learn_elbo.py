"""Lesson 7: the evidence lower bound."""

from vaelab.ui.learn import elbo

elbo.page()
