"""Backtests and their statistics: pure functions of arrays, in float64.

Laws of this package:

1. No file, clock, environment or unseeded randomness: generators are arguments.
2. The official VaR of a day has the bits that `system.risk` gives for that day; the
   vectorised way is compared with it inside every backtest (decision 0035).
3. A statistic that does not exist for the data at hand is ``None`` with a note that says
   why; it is never NaN, never infinite, never made up.
4. A breach is a loss strictly greater than the VaR stated at the close before.
5. Two questions are kept apart: whether the product computes what it says (exact) and
   whether the model is right about the market (evidence, with its power).
"""
