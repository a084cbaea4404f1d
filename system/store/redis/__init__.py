"""Redis: the newest risk of everything, in memory only, filled again from the state."""
