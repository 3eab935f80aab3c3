"""Ruin and recreate: the primal search over replicas, engaged nodes and requests."""
