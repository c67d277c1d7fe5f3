"""Looking back at a session: proved, read, as it was at a moment, recorded, folded anew."""
