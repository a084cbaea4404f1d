"""Requests and answers of the API, shared by server, client and dashboard."""
