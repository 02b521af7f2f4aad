"""Lesson 9's lines of code, of which one can be broken."""
