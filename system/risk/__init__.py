"""The risk core: pure functions of arrays, in float64, without I/O, clock or state.

Laws of this package:

1. P&L gains are positive; VaR, expected shortfall and components are losses, positive,
   never floored and never passed through ``abs()``.
2. Every sum that ends in an official number has one fixed order: factor rows one after
   the other in canonical (ascending instrument id) order. No BLAS, no pairwise sums, so
   the bits do not depend on the machine, the batch or the number of portfolios.
3. A number that does not exist is an error that names the instrument and the date, or
   ``None`` where the convention says *not meaningful*; it is never made up.
"""
