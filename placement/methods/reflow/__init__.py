"""Flows of many nodes at once by linear programs, so that replicas that hardly pay can close."""
