"""Prices that move: real daily history with paths between its closes, or simulated ones."""
