"""Kit to run a pipeline: child processes, bounded waits, books, read-back, judgement."""
