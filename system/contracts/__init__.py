"""The one home of every message: types, topics, keys and the strict JSON codec."""
