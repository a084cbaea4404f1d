"""``riskstream verify``: every step of the verification, one verdict each, one report."""
