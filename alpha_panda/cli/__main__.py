"""`python -m alpha_panda.cli`: the command line where its script is not on the path."""

import sys

from alpha_panda.cli import main

sys.exit(main())
