"""The API under /api/v1: what the screens show, for programs, and the same controls."""
