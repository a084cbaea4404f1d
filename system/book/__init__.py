"""The state of all books, as a pure fold over the input topics.

Laws of this package:

1. Order is relied on within a partition only. What two partitions say of one another is
   settled by the end-of-day mark, which stands in each of them.
2. A snapshot is a function of the state at a vector of offsets: no clock, no randomness,
   no order of a set. A touched portfolio is computed anew in full; nothing is summed up
   from batch to batch, so the bits do not tell how the batches were cut.
3. Each message is applied, superseded, a duplicate, a mark, or rejected with its reason:
   exactly one of them, and counted.
"""
