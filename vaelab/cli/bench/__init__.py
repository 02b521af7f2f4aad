"""Benchmarks: each module has `measure(repeats) -> Report`, contestants measured in turns within one run.

May import all but the app, which startup.py runs as its users do.
"""
