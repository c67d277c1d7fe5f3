"""The event log: one interface in `base`, and its implementations."""
