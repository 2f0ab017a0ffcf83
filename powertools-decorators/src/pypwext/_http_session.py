"""The session: HTTP with retries, timeouts, log rows and signatures, and calls to Lambda functions."""

from __future__ import annotations

import os
from http import HTTPStatus
from typing import Any, Callable, Dict, Mapping, Optional, TypeVar, overload

import requests
from requests.adapters import HTTPAdapter
from requests.models import PreparedRequest, Request, Response
from urllib3.util import Retry

from ._errors import PyPwExtInternalError
from ._http_adapter import PyPwExtHTTPAdapter
from ._http_method import Template, decorate
from ._http_retry import PyPwExtRetry
from ._lambda_calls import LambdaCaller, LambdaResponse, merge_config, to_bytes
from ._signing import Credentials, SigV4, find_endpoint, is_signed_by_us, strip_signature
from ._wrapping import apply

F = TypeVar("F", bound=Callable[..., Any])

DEFAULT_HEADERS: Mapping[str, str] = {"Content-Type": "application/json", "Accept": "application/json"}


class PyPwExtHTTPSession(requests.Session):
    """A `requests.Session` for services: usable as it is, as a context manager, or as a decorator with `method`.

    It pools connections, so keep one for the life of the execution environment.

    Args:
        adapter: The transport; default is a `PyPwExtHTTPAdapter`.
        retry: When to try again; default is a `PyPwExtRetry`.
        logger: Writes a row for each request and response. None writes none.
        api_gateway_mapping: Sign requests to `https://{id}.execute-api.{region}.amazonaws.com` and to function URLs,
            unless the request or the session has its own `auth`.
        region: Of the Lambda functions; default is `AWS_REGION`, `AWS_DEFAULT_REGION` or the AWS profile. A signature
            is made for the region in the host name.
        headers: Sent with each request that does not set them; default asks for and announces JSON.
        lambda_config: A botocore `Config` for the Lambda client, merged over 60 s timeouts and 10 attempts in all.

    Raises:
        PyPwExtInternalError: api_gateway_mapping is True and there is no region.
    """

    HTTPStatus = HTTPStatus

    def __init__(
        self,
        adapter: Optional[HTTPAdapter] = None,
        retry: Optional[Retry] = None,
        logger: Any = None,
        api_gateway_mapping: bool = True,
        region: Optional[str] = None,
        headers: Optional[Mapping[str, str]] = DEFAULT_HEADERS,
        lambda_config: Any = None,
    ) -> None:
        super().__init__()
        self.headers.update(headers or {})
        self.logger = logger
        self.api_gateway_mapping = api_gateway_mapping
        self.region = region or find_region(ask_profile=api_gateway_mapping)
        if api_gateway_mapping and self.region is None:
            raise PyPwExtInternalError("No region: set AWS_REGION, pass region=, or turn api_gateway_mapping off")
        self.adapter = self._equip(adapter, retry)
        self.mount("http://", self.adapter)
        self.mount("https://", self.adapter)
        self._lambda_config = lambda_config
        self._caller = LambdaCaller(self.region, lambda_config)
        self._credentials = Credentials()

    def _equip(self, adapter: Optional[HTTPAdapter], retry: Optional[Retry]) -> HTTPAdapter:
        chosen = adapter if adapter is not None else PyPwExtHTTPAdapter()
        if retry is not None:
            chosen.max_retries = retry
        elif not isinstance(chosen, PyPwExtHTTPAdapter) and chosen.max_retries.total == 0:
            chosen.max_retries = PyPwExtRetry()  # an adapter of requests that was not told about retries
        if isinstance(chosen, PyPwExtHTTPAdapter) and chosen.logger is None:
            chosen.logger = self.logger
        return chosen

    @property
    def lambda_config(self) -> Any:
        """The botocore `Config` of the Lambda client."""
        return merge_config(self.region, self._lambda_config)

    @property
    def lambda_client(self) -> Any:
        """The boto3 client for Lambda. It is made at the first use; a test may put its own in its place."""
        return self._caller.client

    @lambda_client.setter
    def lambda_client(self, client: Any) -> None:
        self._caller.client = client

    def prepare_request(self, request: Request) -> PreparedRequest:
        """Return what is sent for request: headers merged, and signed where the host asks for it."""
        prepared = super().prepare_request(request)
        if request.auth is None and self.auth is None and "Authorization" not in prepared.headers:
            self._sign(prepared)
        return prepared

    def _sign(self, prepared: PreparedRequest) -> None:
        endpoint = find_endpoint(prepared.url) if self.api_gateway_mapping else None
        if endpoint is not None:
            prepared.prepare_auth(SigV4(endpoint, self._credentials))

    def rebuild_auth(self, prepared_request: PreparedRequest, response: Response) -> None:
        """Prepare a redirected request: a signature is never passed on, but created again where the new host asks for
        it.
        """
        signed = is_signed_by_us(response.request)
        if signed:
            strip_signature(prepared_request)
        super().rebuild_auth(prepared_request, response)  # type: ignore[no-untyped-call,unused-ignore]
        if signed and "Authorization" not in prepared_request.headers:
            self._sign(prepared_request)

    def func(self, url: str, params: Optional[Mapping[str, Any]] = None, data: Any = None) -> LambdaResponse:
        """Call a Lambda function and wait for its response.

        Args:
            url: Name, name:alias, partial ARN or ARN.
            params: What the function finds in `context.client_context.custom`.
            data: The event: str and bytes as they are, any other value as JSON.
        """
        return self._invoke("RequestResponse", url, data, params)

    def event(self, url: str, data: Any = None) -> LambdaResponse:
        """Hand an event to a Lambda function without waiting for it; StatusCode is 202 when Lambda took it."""
        return self._invoke("Event", url, data, None)

    def _invoke(
        self, invocation_type: str, function: str, data: Any, context: Optional[Mapping[str, Any]]
    ) -> LambdaResponse:
        rows = self.adapter if isinstance(self.adapter, PyPwExtHTTPAdapter) else PyPwExtHTTPAdapter(logger=self.logger)
        payload = to_bytes(data)
        shown: Dict[str, Any] = {"type": invocation_type, "function": function}
        if payload:
            shown["body"] = rows.redactor.redact_body(payload)
        if context:
            shown["client_context"] = rows.redactor.redact(context)
        rows.log(rows.level, rows.before_classification, "request", shown)
        response = self._caller.invoke(function, invocation_type, payload, context)
        rows.log(rows.out_level, rows.after_classification, "response", _show(response, rows))
        return response

    @overload
    def method(self, _func: F) -> F: ...

    @overload
    def method(
        self,
        _func: None = None,
        method: str = "GET",
        url: str = "",
        verify_ssl: bool = True,
        headers: Optional[Mapping[str, Any]] = None,
        params: Optional[Mapping[str, Any]] = None,
        body: Optional[str] = None,
    ) -> Callable[[F], F]: ...

    def method(
        self,
        _func: Optional[F] = None,
        method: str = "GET",
        url: str = "",
        verify_ssl: bool = True,
        headers: Optional[Mapping[str, Any]] = None,
        params: Optional[Mapping[str, Any]] = None,
        body: Optional[str] = None,
    ) -> Any:
        """Make a function the description of a request: its arguments fill in the templates, the response comes to it.

        A function that declares `response`, `response_body` or `response_code` (with a default) is called with them and
        handles the response, errors included. Without any of them its body is not run: the response is returned, or
        raised as `PyPwExtHTTPError` when its status is 300 or more.

        `response` is a `requests.Response` or `LambdaResponse`. `response_body` is text, or parsed JSON when it is
        annotated as a dict or list. `response_code` is an `HTTPStatus`, or a number when there is no such status.

        Args:
            method: GET, POST, PUT, DELETE, PATCH, HEAD, OPTIONS; FUNC calls a Lambda function, EVENT without waiting
                for it.
            url: A template, see `pypwext.utils.render_url`. For FUNC and EVENT the name or ARN of the function.
            verify_ssl: False accepts any certificate.
            headers: Templates for headers.
            params: Templates for the query; for FUNC, what goes into the client context. None leaves a parameter out.
            body: The name of the parameter that is sent: str and bytes as they are, any other value as JSON.

        Raises:
            PyPwExtInternalError: while decorating, for an unknown method or a body that is not a parameter; while
                calling, for a template that cannot be filled in.
            PyPwExtHTTPError: while calling, when no response came (502, or 504 when the time was up).
        """
        template = Template(method, url, verify_ssl, headers or {}, params or {}, body)
        return apply(lambda func: decorate(self, template, func), _func)


def _show(response: LambdaResponse, rows: PyPwExtHTTPAdapter) -> Dict[str, Any]:
    shown = {
        "status": response.StatusCode,
        "error": response.FunctionError,
        "executed_version": response.ExecutedVersion,
        "body": rows.redactor.redact_body(response.payload_as_text()),
    }
    return {name: value for name, value in shown.items() if value is not None}


def find_region(ask_profile: bool) -> Optional[str]:
    """Return the region of the environment; where that has none, of the AWS profile if asked."""
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if region or not ask_profile:
        return region
    import botocore.session  # only a laptop gets here: on Lambda the variables are set

    found: Optional[str] = botocore.session.get_session().get_config_variable("region")
    return found
