"""A story played through a real pipeline: the stack, its reset, what readers saw."""
