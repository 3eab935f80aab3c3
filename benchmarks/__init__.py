"""Benchmarks: suites of runs, their report, and what got better or worse.

`python -m benchmarks --help` shows the commands; docs/benchmarks.md says how runs are made and
judged.
"""
