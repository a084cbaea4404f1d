"""The API: REST for what is asked, server-sent events for what moves."""
