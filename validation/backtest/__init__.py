"""The ``riskstream backtest`` command: files in, `system.backtest`, files and a report out."""
