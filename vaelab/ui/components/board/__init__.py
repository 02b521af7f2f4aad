"""Boards that the reader edits: points on a plane, a table, a loop."""
