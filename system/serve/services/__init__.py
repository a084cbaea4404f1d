"""Services behind the routes: trades, imports, snapshot books, health, the hub of pushes."""
