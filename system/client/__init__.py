"""The typed client of the API, and the commands that are made of it."""
