"""``riskstream explain``: one stored number, made anew from its inputs, step by step.

Two computations that share nothing: the product's own functions on the recorded inputs, which
must give the recorded bits; and the exact references on the same inputs, which must agree
to 1e-9.
"""
