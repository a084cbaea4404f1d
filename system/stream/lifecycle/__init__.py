"""Life of a driver: standby, takeover, continuity, watchdog and heartbeat."""
