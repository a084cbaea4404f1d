"""Web server parts of API and dashboard: host check, headers, connections and request rates."""
