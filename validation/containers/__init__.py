"""Containers: the system of ``compose/`` under a real engine, broken on purpose, and judged."""
