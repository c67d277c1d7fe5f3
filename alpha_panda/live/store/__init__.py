"""The portfolio store: one interface in `base`, and its implementation over Redis."""
