"""Statistical tests of VaR and expected shortfall, and the distributions that they need."""
