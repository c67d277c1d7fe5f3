"""The operator's desk: what every screen, page and program is shown of one session, gathered once in each process."""
