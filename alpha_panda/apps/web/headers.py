"""What every answer carries: a policy that lets the page speak to nobody outside, and the ids of the request."""

from collections.abc import Iterator

REQUEST_ID, CORRELATION_ID = "X-Request-ID", "X-Correlation-ID"

_STRICT = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'"
)
# Bokeh and marimo compile the callbacks of a page in the page, and load their components from blobs of it. What keeps
# strangers out is that nothing is loaded from, or sent, anywhere else.
_OF_PAGES = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' blob: data:; worker-src 'self' blob:"
)
_ALWAYS = "; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"

_WITHOUT_CODE = ("/api/", "/auth/", "/docs", "/health/", "/metrics", "/sign-in")
_MAY_BE_KEPT = ("/static/", "/sign-in/", "/docs/")


def security_headers(path: str, secure: bool) -> Iterator[tuple[str, str]]:
    """Yield the headers of an answer to a request for `path`; `secure` is whether it goes out over TLS."""
    policy = _STRICT if path.startswith(_WITHOUT_CODE) else _OF_PAGES
    yield "Content-Security-Policy", policy + _ALWAYS
    yield "X-Content-Type-Options", "nosniff"
    yield "Referrer-Policy", "no-referrer"
    yield "Cross-Origin-Opener-Policy", "same-origin"
    yield "Cross-Origin-Resource-Policy", "same-origin"
    yield "Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()"
    if not may_be_kept(path):
        yield "Cache-Control", "no-store"
    if secure:
        yield "Strict-Transport-Security", "max-age=31536000"


def may_be_kept(path: str) -> bool:
    """Return whether a browser may keep what it got from `path`: files of the package, and no figure."""
    return path.startswith(_MAY_BE_KEPT) or (path.startswith("/research/") and "/assets/" in path)
