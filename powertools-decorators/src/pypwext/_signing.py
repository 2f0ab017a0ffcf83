"""Signature Version 4 for requests to API Gateway and to function URLs.

What is signed is decided by the host of the parsed URL, the very one the connection is made to. A name that looks
like AWS anywhere else in the URL gets nothing: a signature comes with the session token of the function's role.
"""

from __future__ import annotations

import re
import threading
from typing import Any, NamedTuple, Optional
from urllib.parse import urlsplit

from requests.auth import AuthBase
from requests.models import PreparedRequest

from ._errors import PyPwExtInternalError

SIGNATURE_HEADERS = ("Authorization", "X-Amz-Date", "X-Amz-Security-Token")

_MARK = "_pypwext_signed"

_HOST = re.compile(
    r"(?P<name>[a-z0-9-]+)\."
    r"(?:(?P<api>execute-api)\.(?P<api_region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?"
    r"|lambda-url\.(?P<url_region>[a-z0-9-]+)\.on\.aws)"
)


class Endpoint(NamedTuple):
    """What a signature is valid for."""

    service: str
    region: str


def find_endpoint(url: Optional[str]) -> Optional[Endpoint]:
    """Return service and region of a URL that leads to API Gateway or a function URL over TLS, else None."""
    parts = urlsplit(url or "")
    match = _HOST.fullmatch(parts.hostname or "")
    if match is None or parts.scheme != "https":  # without TLS, the token could be read on the way
        return None
    if match["api"]:
        return Endpoint("execute-api", match["api_region"])
    return Endpoint("lambda", match["url_region"])


class Credentials:
    """Resolves the credentials once; they refresh themselves, so each request takes a frozen copy."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._resolved: Any = None

    def freeze(self) -> Any:
        """Return the credentials valid now.

        Raises:
            PyPwExtInternalError: there are none.
        """
        with self._lock:
            if self._resolved is None:
                import botocore.session  # takes 60 ms, so only for signed requests

                self._resolved = botocore.session.get_session().get_credentials()
            if self._resolved is None:
                raise PyPwExtInternalError(
                    "There are no AWS credentials to sign the request with; api_gateway_mapping=False sends it unsigned"
                )
            return self._resolved.get_frozen_credentials()


class SigV4(AuthBase):
    """Signs host, date and security token of one request."""

    def __init__(self, endpoint: Endpoint, credentials: Credentials) -> None:
        self._endpoint = endpoint
        self._credentials = credentials

    def __call__(self, r: PreparedRequest) -> PreparedRequest:
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest

        body = r.body
        if body is not None and not isinstance(body, (str, bytes)) and not hasattr(body, "seek"):
            raise PyPwExtInternalError("A body that can be read only once cannot be signed; pass it as bytes")
        # Without the session's headers: whatever a proxy adds or changes on the way must not break the signature.
        unsigned = AWSRequest(method=r.method, url=r.url, data=body)
        SigV4Auth(self._credentials.freeze(), self._endpoint.service, self._endpoint.region).add_auth(unsigned)
        for name in SIGNATURE_HEADERS:
            if name in unsigned.headers:
                r.headers[name] = unsigned.headers[name]
        setattr(r, _MARK, True)
        return r


def is_signed_by_us(request: PreparedRequest) -> bool:
    """Return whether `SigV4` has signed request. A caller's own signature is the caller's business."""
    return getattr(request, _MARK, False) is True


def strip_signature(request: PreparedRequest) -> None:
    """Remove the signature from request, and the session token that would travel with it."""
    for name in SIGNATURE_HEADERS:
        request.headers.pop(name, None)
