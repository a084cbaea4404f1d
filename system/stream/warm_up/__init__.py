"""Warm-up of a driver on a private topic, before it says that it is ready."""
