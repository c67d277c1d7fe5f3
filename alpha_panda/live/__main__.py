"""`python -m alpha_panda.live`: the command that trades a session, as `alpha-panda live` is."""

import sys

from alpha_panda import terminal
from alpha_panda.cli.live import app

if __name__ == "__main__":
    sys.exit(terminal.run(app))
