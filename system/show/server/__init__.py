"""Server of the dashboard: connection to the API, push to browsers, routes and guards."""
