"""The live oracle: other code, other arithmetic, its own reader, beside the stream.

Laws of this package:

1. It runs in a process of its own, reads the input topics by itself and reads nothing of the
   product's state: not PostgreSQL, not Redis. From a snapshot it takes the offsets, which say
   what it must follow from, and the numbers that it states.
2. What is known at a vector of offsets is worked out by ``validation.rules.rulings`` (what counts)
   and ``validation.rules.expected_days`` (what is held), the numbers by ``validation.references``.
3. What it cannot recompute is *not yet checked*, with the reason; never *agreed*.
"""
