"""The cookies of a session: what each is called, where a browser sends it, and for how long."""

from typing import NamedTuple

from alpha_panda.apps.web.tokens import LIFETIME_NS, REFRESH_LIFETIME_NS, STOP_LIFETIME_NS

KILL = "/api/v1/control/kill"
"""Where trading is stopped: the one place to which the cookie goes that outlasts an access token."""


class SessionCookie(NamedTuple):
    """One cookie, which no script can read, and which goes along with what pages of this app ask for alone."""

    name: str
    path: str
    lifetime_ns: int

    def called(self, secure: bool) -> str:
        """Return its name: over TLS with the prefix for which a browser takes it from this host and over TLS alone.

        Source: RFC 6265bis, section 4.1.3; `__Host-` is for cookies of the whole host.
        """
        if not secure:
            return self.name
        return f"__Host-{self.name}" if self.path == "/" else f"__Secure-{self.name}"


ACCESS = SessionCookie("alpha_panda", "/", LIFETIME_NS)
REFRESH = SessionCookie("alpha_panda_refresh", "/auth", REFRESH_LIFETIME_NS)
STOP = SessionCookie("alpha_panda_stop", KILL, STOP_LIFETIME_NS)
