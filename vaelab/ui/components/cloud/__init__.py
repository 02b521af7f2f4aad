"""Lesson 5's moving cloud of codes."""
