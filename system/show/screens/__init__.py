"""Pages of the dashboard: one module each, drawn from panels."""
