"""Studies: capacity, rates, goals of the API, growth, crossover, guard of the hot path."""
