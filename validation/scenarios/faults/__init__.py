"""Faults of a run's own stack: their tables, how they are made, and recovery from them."""
