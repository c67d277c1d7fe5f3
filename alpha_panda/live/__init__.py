"""The live platform: stages that meet only in an event log and run the same kernels as a backtest."""
