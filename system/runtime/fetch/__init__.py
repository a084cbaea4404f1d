"""Downloads that pip cannot do: Java archives, and wheel files that are read, not installed."""
