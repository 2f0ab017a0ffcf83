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
from local_lambda.http.access import LOOPBACK
from local_lambda.http.exchange import Exchange
from local_lambda.http.head import Head
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


def opens_page(head: Head) -> bool:
    """Whether a browser follows a link to the page. It may be on any other page: the page alone tells nothing."""
    is_page = head.method == b"GET" and head.path == b"/" and not head.header(b"origin")
    return is_page and (head.header(b"sec-fetch-mode"), head.header(b"sec-fetch-dest")) == (b"navigate", b"document")


ACCESS = LOOPBACK.with_cors(opens_page)
"""The rule of the port before a body is read."""


class Guard:
    """The token of one run."""

    def __init__(self) -> None:
        self.token = os.urandom(16).hex()

    def check_origin(self, exchange: Exchange) -> None:
        """Raises ApiError for a request of a page that this port has not served."""
        origin = exchange.header(b"origin").lower()
        site = exchange.header(b"sec-fetch-site", b"none").lower()
        is_own = (not origin or origin == b"http://" + exchange.head.host.lower()) and site in (b"none", b"same-origin")
        if not is_own and not opens_page(exchange.head):
            raise ApiError(403, "Forbidden", "Only the page of this port may call this")

    def check_token(self, exchange: Exchange) -> None:
        """Raises ApiError for a request without the token."""
        if not hmac.compare_digest(exchange.header(HEADER), self.token.encode()):
            message = "The token is not that of this run: open the link that the tool has printed"
            raise ApiError(401, "Unauthorized", message)
