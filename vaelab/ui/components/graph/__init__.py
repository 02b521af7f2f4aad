"""Drawn graphs: nodes and arrows."""
