"""Calls over HTTP and to Lambda functions, as a session or as a decorator.

    http = PyPwExtHTTPSession(logger=logger)

    @http.method(url="{PRICES_URL}/prices/{sku}")
    def get_price(sku, response_body: Dict[str, Any] = {}, response_code=None): ...

    @http.method(method="FUNC", url="{WAREHOUSE_FUNCTION}", body="item")
    def reserve(item, response: Optional[LambdaResponse] = None): ...

Needs the extra `http`. boto3 is imported when a function is called first, botocore when a request is signed first.
"""

from __future__ import annotations

try:
    import requests  # noqa: F401
except ImportError as error:  # pragma: no cover
    raise ImportError("pypwext.pwhttp needs requests and boto3: pip install 'pypwext-decorators[http]'") from error

from ._errors import PyPwExtHTTPError, PyPwExtInternalError
from ._http_adapter import PyPwExtHTTPAdapter
from ._http_retry import PyPwExtRetry
from ._http_session import PyPwExtHTTPSession
from ._lambda_calls import LambdaResponse
from ._public import publish

__all__ = [
    "LambdaResponse",
    "PyPwExtHTTPAdapter",
    "PyPwExtHTTPError",
    "PyPwExtHTTPSession",
    "PyPwExtInternalError",
    "PyPwExtRetry",
]

publish(globals(), __all__)
