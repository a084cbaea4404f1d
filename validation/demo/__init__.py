"""``riskstream demo``: a replay of real prices through the whole pipeline, judged."""
