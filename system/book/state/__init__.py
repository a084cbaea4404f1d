"""State of the book: market, quotes, positions and trades, as rows that survive a restart."""
