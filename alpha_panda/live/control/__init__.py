"""A person at the controls: commands, how they reach the account, and the latch that needs nothing to work."""
