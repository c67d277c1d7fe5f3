"""Honesty: walk-forward, cross-validation, the probability of overfitting and Monte Carlo, on the same chain."""
