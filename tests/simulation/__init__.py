"""Deterministic simulation: client and server cores under a virtual clock and every fault of a network (docs/testing).

``python -m tests.simulation --runs N --seed S``. One seed is one run, and reproduces it byte for byte.
"""
