"""Market data: what a valid event array is, where events are kept, and how files become events."""
