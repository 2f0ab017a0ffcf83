"""Who may use the page. Its port needs more than the others: from it, functions are invoked and processes are killed.

Like every port it answers only to names of this machine, see `http/access.py`. In addition, a page must come from this
very port, and everything but the files of the page needs the token of the printed link. The token is in the part of
the link that a browser does not send, and the page sends it in a header. So it is in no log and no cookie, which the
other ports of this machine would get, and no other site can send it.
"""

from __future__ import annotations

import hmac
import os

from local_lambda.errors import ApiError
from local_lambda.http.exchange import Exchange
from local_lambda.http.headers import Block

HEADER = b"x-local-lambda-token"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
SECURITY = (
    ("Content-Security-Policy", _POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cache-Control", "no-store"),
)
HEADERS = Block(*SECURITY)


class Guard:
    """The token of one run."""

    def __init__(self) -> None:
        self.token = os.urandom(16).hex()

    def check_origin(self, exchange: Exchange) -> None:
        """Raises ApiError for a request of a page that this port has not served."""
        origin = exchange.header(b"origin").lower()
        site = exchange.header(b"sec-fetch-site", b"none").lower()
        if (origin and origin != b"http://" + exchange.head.host.lower()) or site not in (b"none", b"same-origin"):
            raise ApiError(403, "Forbidden", "Only the page of this port may call this")

    def check_token(self, exchange: Exchange) -> None:
        """Raises ApiError for a request without the token."""
        if not hmac.compare_digest(exchange.header(HEADER), self.token.encode()):
            raise ApiError(401, "Unauthorized", "The token is missing: open the link that the tool has printed")
