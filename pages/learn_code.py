"""Lesson 9: one training step, line by line, on a real batch."""

from vaelab.ui.learn import code

code.page()
