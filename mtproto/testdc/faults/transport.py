"""Faults of this layer."""
