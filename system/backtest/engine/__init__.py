"""Engine of the backtest: positions, splits, settlements and scenarios of every day of a span."""
