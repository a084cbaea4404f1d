"""Supervision of the stack: supervisord, restart policy, sentinel."""
