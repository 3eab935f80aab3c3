"""Whole jobs to nodes of limited capacity: the generalised assignment problem."""
