"""The Spark query: from topics to snapshots. It moves data and does no arithmetic.

One driver, one query, one action per micro-batch. The truth about how far the stream has
come is in PostgreSQL: offsets, state and snapshots of a batch are one transaction, and a
driver that starts goes on exactly there. Spark's own checkpoint lives as long as its
driver and is never read by another (decision 0040).
"""
