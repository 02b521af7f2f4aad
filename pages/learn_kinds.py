"""Lesson 1: three kinds of models."""

from vaelab.ui.lessons import kinds

kinds.page()
