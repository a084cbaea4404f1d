"""Rules for text in messages: names, codes, repeated fields."""
