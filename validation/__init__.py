"""The harness: references that share nothing with the product, checkers, demo and verify."""
