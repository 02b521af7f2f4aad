"""Benchmarks: each module has `measure(repeats) -> Report`, contestants measured in turns within one run."""
