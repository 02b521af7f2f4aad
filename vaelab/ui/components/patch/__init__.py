"""Lesson 4's code of which one number is broken."""
