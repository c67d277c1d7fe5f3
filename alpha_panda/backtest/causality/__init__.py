"""Causality: a proof by trial that what a strategy or a signal says of the past never changes when the future comes."""
