"""Options: Black-Scholes values, Greeks, full revaluation in scenarios, P&L explained."""
