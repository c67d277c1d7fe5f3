"""`python -m alpha_panda.live`: the command that trades a session, as `alpha-panda live` is."""

import sys

INTERRUPTED = 130
"""The exit code of a shell, which `terminal` has as well: it may not be there yet."""


def main() -> int:
    """Run the command line of this process, and return its exit code.

    What it runs on takes seconds to import, and is imported here, so that Ctrl-C ends that quietly too.
    """
    try:
        from alpha_panda import terminal
        from alpha_panda.cli.live import app
    except KeyboardInterrupt:
        return INTERRUPTED
    return terminal.run(app)


if __name__ == "__main__":
    sys.exit(main())
