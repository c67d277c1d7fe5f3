"""Where market events come from: one interface in `base`, and its implementations."""
