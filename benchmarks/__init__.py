"""Benchmarks: this package against itself, its bounds, its past and its peers."""
