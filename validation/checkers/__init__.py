"""Pure checkers over a recorded history; unknown is a verdict, and not a pass."""
