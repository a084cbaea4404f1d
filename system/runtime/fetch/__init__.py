"""What pip cannot bring: Java archives, and wheel files that are read, not installed."""
