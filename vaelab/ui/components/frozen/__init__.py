"""Lesson 8's frozen points that slide."""
