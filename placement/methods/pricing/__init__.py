"""Dual prices at scale: a pooled linear program solved by a first-order method."""
