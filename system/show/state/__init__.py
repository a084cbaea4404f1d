"""State of the dashboard's server: answers of the API, folded into what browsers draw."""
