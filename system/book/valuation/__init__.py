"""Valuation of a portfolio from the state: arrays, options, measures, limits, and the snapshot."""
