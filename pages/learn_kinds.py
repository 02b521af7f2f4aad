"""Lesson 1: three kinds of models."""

from vaelab.ui.learn import kinds

kinds.page()
