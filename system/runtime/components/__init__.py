"""Components of the embedded stack: how each server and process is configured and started."""
