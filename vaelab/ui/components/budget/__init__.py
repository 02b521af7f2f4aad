"""Lesson 1's game: hold p(x) up at one place while points appear elsewhere."""
