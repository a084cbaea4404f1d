"""Judgement of a played story: expectations, exact numbers, freshness, completeness."""
