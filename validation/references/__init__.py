"""References: slow, exact, and without a line in common with what they check.

Laws of this package:

1. It imports nothing of ``system`` and neither NumPy nor pandas (an import contract
   checks that): the standard library only.
2. Numbers are ``Fraction``: a float that comes in is taken as the exact binary number
   that it is, nothing is rounded until a result is turned into a float at the very end.
   Options alone are ``Decimal``, integrated numerically with sixty digits.
3. It goes another way than the product: positions are revalued in full, scenario by
   scenario, and everything is sorted.
"""
