"""One file of SQL per step, and the step that applies it."""
