"""The backtest: the chain of kernels over an ordered array of past events, once or over a grid of parameters."""
