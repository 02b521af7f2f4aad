"""Lesson 6: graphical models, directed and undirected, and the VAE as one."""

from vaelab.ui.lessons import graphs

graphs.page()
