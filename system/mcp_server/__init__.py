"""Read-only tools over the API, for assistants that speak the Model Context Protocol."""
