"""Who sits at this terminal, as the log and the audit trail name them."""

import getpass
import os
import socket


def person_here() -> str:
    """Return user and machine; a container may give its process a number and no name."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = f"user {os.getuid()}"
    return f"{user}@{socket.gethostname()}"
