"""Questions about a stored snapshot: what-if, shocks, change, desks; no state is touched."""
