"""riskstream: real-time portfolio risk, from ticks to explained VaR."""
