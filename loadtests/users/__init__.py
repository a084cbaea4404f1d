"""Users of the API under load: locust, its console and its budgets."""
