"""Lesson 6: graphical models, directed and undirected, and the VAE as one."""

from vaelab.ui.learn import graphs

graphs.page()
