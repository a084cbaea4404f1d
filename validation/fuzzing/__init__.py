"""Fuzzing of codec, fold, valuation and snapshots: seeded, and the same messages for a seed.

`worlds` makes sequences of messages that are valid by their contract and extreme in every term;
`mutation` breaks their bytes; `rounds` sends both through the product's own code and states the
laws that hold whatever was sent.
"""
