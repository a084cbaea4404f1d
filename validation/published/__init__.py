"""Published evidence: golden results, other libraries, breach statistics of the model."""
