"""The transport: adds a timeout and, with a logger, a row for each request and one for each response."""

from __future__ import annotations

import logging
from typing import Any, Dict, Iterable, Optional, Union

from requests.adapters import HTTPAdapter
from requests.models import PreparedRequest, Response

from ._http_retry import PyPwExtRetry, make_timeout
from ._levels import get_row_level
from ._location import RECORD_KEY, find_requester
from ._redaction import Redactor
from .base import Classification, InfoClassification

DEFAULT_TIMEOUT = 30


class PyPwExtHTTPAdapter(HTTPAdapter):
    """An `HTTPAdapter` with a timeout, and with rows `{"request": ...}` and `{"response": ...}` when it has a logger.

    Secrets in headers, query and bodies are replaced in the rows. A streamed body is not read for them.

    Args:
        timeout: In seconds, for connecting and for each read; None is 30. Within an invocation never more than it has
            left.
        level: Of the request row; `LOG_LEVEL` when INFO or lower, else DEBUG.
        out_level: Of the response row; `LOG_LEVEL` when INFO or lower, else INFO.
        before_classification: Of the request row.
        after_classification: Of the response row.
        redact: False shows everything, which may help on a laptop.
        secrets: Further names of headers, parameters and JSON keys to hide.
        args: Passed to `HTTPAdapter`, as are kwargs. Without max_retries it gets a `PyPwExtRetry`.
    """

    def __init__(
        self,
        timeout: Optional[float] = None,
        logger: Any = None,
        level: Union[str, int, None] = None,
        out_level: Union[str, int, None] = None,
        before_classification: InfoClassification = InfoClassification.NA,
        after_classification: InfoClassification = InfoClassification.NA,
        *args: Any,
        redact: bool = True,
        secrets: Iterable[str] = (),
        **kwargs: Any,
    ) -> None:
        if len(args) < 3:  # max_retries is the third positional parameter of HTTPAdapter
            kwargs.setdefault("max_retries", PyPwExtRetry())
        super().__init__(*args, **kwargs)
        self.timeout = DEFAULT_TIMEOUT if timeout is None else timeout
        self.logger = logger
        self.level = get_row_level(level, logging.DEBUG)
        self.out_level = get_row_level(out_level, logging.INFO)
        self.before_classification = before_classification
        self.after_classification = after_classification
        self.redactor = Redactor(redact, secrets)

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        """Send request; stream, timeout, verify, cert and proxies are those of `HTTPAdapter.send`."""
        names = ("stream", "timeout", "verify", "cert", "proxies")
        kwargs.update(zip(names, args))
        timeout = kwargs.get("timeout")
        kwargs["timeout"] = make_timeout(self.timeout if timeout is None else timeout)
        self._log_request(request)
        try:
            response = super().send(request, **kwargs)
        except Exception as error:
            self.log(self.out_level, self.after_classification, "response", {"error": describe_failure(error)})
            raise
        self._log_response(response, streamed=bool(kwargs.get("stream")))
        return response

    def log(self, level: int, classification: InfoClassification, key: str, value: Dict[str, Any]) -> None:
        """Write a row `{key: value}`, if there is a logger that wants it."""
        if self.logger is not None and self.logger.isEnabledFor(level):
            message = {Classification: classification, key: value}
            if hasattr(self.logger, "write_row"):  # our own logger: it can report who sent the request
                self.logger.log(level, message, extra={RECORD_KEY: find_requester()})
            else:
                self.logger.log(level, message)

    def _log_request(self, request: PreparedRequest) -> None:
        if self.logger is None or not self.logger.isEnabledFor(self.level):
            return
        body = self.redactor.redact_body(request.body, request.headers.get("Content-Type"))
        shown: Dict[str, Any] = {
            "method": request.method,
            "url": self.redactor.redact_url(request.url or ""),
            "headers": self.redactor.redact_headers(request.headers),
        }
        if body is not None:
            shown["body"] = body
        self.log(self.level, self.before_classification, "request", shown)

    def _log_response(self, response: Response, streamed: bool) -> None:
        if self.logger is None or not self.logger.isEnabledFor(self.out_level):
            return
        shown: Dict[str, Any] = {
            "header": self.redactor.redact_headers(response.headers),
            "status": response.status_code,
        }
        body = "<stream>" if streamed else self.redactor.redact_body(response.content)
        if body is not None:
            shown["body"] = body
        self.log(self.out_level, self.after_classification, "response", shown)


def describe_failure(error: Exception) -> str:
    """Return the kind of a failure. The text of such exceptions holds the URL, and with it the secrets in its query."""
    inner = error.args[0] if error.args else None
    inner = getattr(inner, "reason", inner)
    kind = type(error).__name__
    return f"{kind} ({type(inner).__name__})" if isinstance(inner, BaseException) else kind
