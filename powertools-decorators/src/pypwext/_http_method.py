"""`PyPwExtHTTPSession.method`: from the arguments of a call to a request, and from the response to the function."""

from __future__ import annotations

import contextvars
import functools
import inspect
import json
import typing
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Callable, Dict, Mapping, Optional, Tuple

import requests

from ._errors import PyPwExtHTTPError, PyPwExtInternalError, to_status
from ._http_adapter import describe_failure
from ._lambda_calls import LambdaResponse, to_bytes
from ._templates import render, render_url
from ._wrapping import INJECTED, get_name, is_async

HTTP_METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS")
LAMBDA_METHODS = ("FUNC", "EVENT")
RESPONSE_PARAMETERS = ("response", "response_body", "response_code")


@dataclass(frozen=True)
class Template:
    """What a decorator was given. It is never changed: each call renders it again."""

    method: str
    url: str
    verify_ssl: bool
    headers: Mapping[str, Any]
    params: Mapping[str, Any]
    body: Optional[str]


def decorate(session: Any, template: Template, func: Callable[..., Any]) -> Callable[..., Any]:
    """Return func as the description of a request, see `PyPwExtHTTPSession.method`."""
    call = _Call(session, template, func)

    if is_async(func):

        @functools.wraps(func)
        async def async_wrapper(*args: Any, **kwargs: Any) -> Any:
            bound = call.bind(args, kwargs)
            response = await call.send_in_thread(bound)
            if not call.injected:
                return call.check(response)
            call.inject(bound, response)
            return await func(*bound.args, **bound.kwargs)

        wrapper: Callable[..., Any] = async_wrapper
    else:

        @functools.wraps(func)
        def sync_wrapper(*args: Any, **kwargs: Any) -> Any:
            bound = call.bind(args, kwargs)
            response = call.send(bound)
            if not call.injected:
                return call.check(response)
            call.inject(bound, response)
            return func(*bound.args, **bound.kwargs)

        wrapper = sync_wrapper

    setattr(wrapper, INJECTED, frozenset(call.injected))
    return wrapper


class _Call:
    """Sends the requests of one decorated function."""

    def __init__(self, session: Any, template: Template, func: Callable[..., Any]) -> None:
        self._session = session
        self._template = template
        self._method = template.method.strip().upper()
        self._name = get_name(func)
        self._signature = inspect.signature(func)
        parameters = self._signature.parameters
        self.injected = [name for name in RESPONSE_PARAMETERS if name in parameters]
        self._parses_body = _wants_json(func)
        if self._method not in HTTP_METHODS + LAMBDA_METHODS:
            raise PyPwExtInternalError(f"{self._name}: unsupported method {template.method!r}")
        takes_any = any(parameter.kind == inspect.Parameter.VAR_KEYWORD for parameter in parameters.values())
        if template.body is not None and template.body not in parameters and not takes_any:
            raise PyPwExtInternalError(f"{self._name}: body={template.body!r} is not one of its parameters")

    def bind(self, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> inspect.BoundArguments:
        """Return the arguments by name. Raises TypeError for a wrong call, before anything is sent."""
        bound = self._signature.bind_partial(*args, **kwargs)
        for name in self.injected:
            bound.arguments.setdefault(name, None)
        bound = self._signature.bind(*bound.args, **bound.kwargs)
        bound.apply_defaults()
        return bound

    def send(self, bound: inspect.BoundArguments) -> Any:
        """Send the request for the given arguments and return the response."""
        arguments = self._get_values(bound)
        template = self._template
        data = to_bytes(self._get_body_argument(arguments))
        params = _render_values(template.params, arguments)
        if self._method == "EVENT":
            return self._session.event(url=render(template.url, arguments), data=data)
        if self._method == "FUNC":
            return self._session.func(url=render(template.url, arguments), params=params, data=data)
        url = render_url(template.url, arguments)
        try:
            return self._session.request(
                self._method,
                url,
                params=params,
                headers=_render_values(template.headers, arguments),
                data=data,
                verify=None if template.verify_ssl else False,
                allow_redirects=self._method != "HEAD",
            )
        except requests.RequestException as error:
            timed_out = isinstance(error, requests.Timeout)
            raise PyPwExtHTTPError(
                f"{self._method} {url.partition('?')[0]} got no answer: {describe_failure(error)}",
                code=HTTPStatus.GATEWAY_TIMEOUT if timed_out else HTTPStatus.BAD_GATEWAY,
            ) from error

    async def send_in_thread(self, bound: inspect.BoundArguments) -> Any:
        """Do the same as `send`, but without blocking the event loop."""
        import asyncio  # imported here because who gets here has it already

        # With a copy of the caller's context, where deadline and collector are.
        send = functools.partial(contextvars.copy_context().run, self.send, bound)
        return await asyncio.get_running_loop().run_in_executor(None, send)

    def _get_body_argument(self, arguments: Dict[str, Any]) -> Any:
        name = self._template.body
        if name is None:
            return None
        if name not in arguments:
            raise PyPwExtInternalError(f"{self._name}: there is no argument {name!r} to send as the body")
        return arguments[name]

    def _get_values(self, bound: inspect.BoundArguments) -> Dict[str, Any]:
        values: Dict[str, Any] = {}
        for name, value in bound.arguments.items():
            is_rest = self._signature.parameters[name].kind == inspect.Parameter.VAR_KEYWORD
            values.update(value if is_rest else {name: value})
        return values

    def check(self, response: Any) -> Any:
        """Return a response without error; raise any other one."""
        if isinstance(response, LambdaResponse):
            if not response.failed:
                return response
            # A function that failed has been called well, so the status is 200: what a gateway says then is 502.
            code = to_status(response.StatusCode if response.StatusCode >= 300 else HTTPStatus.BAD_GATEWAY)
            body = response.payload_as_text()
            message = response.FunctionError if response.error is not None else body
        elif response.status_code < HTTPStatus.MULTIPLE_CHOICES:
            return response
        else:
            code, body = to_status(response.status_code), response.text
            message = body
        message = message or f"{self._name} got status {int(code)}"
        raise PyPwExtHTTPError(message, code=code, response_body=body, response=response)

    def inject(self, bound: inspect.BoundArguments, response: Any) -> None:
        """Put the response into the parameters that ask for it, also where the caller passed something."""
        is_lambda = isinstance(response, LambdaResponse)
        code = to_status(response.StatusCode if is_lambda else response.status_code)
        values: Dict[str, Callable[[], Any]] = {
            "response": lambda: response,
            "response_code": lambda: code,
            "response_body": lambda: self._get_response_body(response, int(code)),
        }
        for name in self.injected:
            bound.arguments[name] = values[name]()

    def _get_response_body(self, response: Any, code: int) -> Any:
        if not isinstance(response, LambdaResponse):
            text = response.text
        elif self._method == "EVENT":
            text = json.dumps(response.ResponseMetadata)  # there is no payload; this has at least the request ID
        else:
            text = response.payload_as_text()
        if self._parses_body is None:
            return text
        if not text:
            return self._parses_body()
        try:
            return json.loads(text)
        except ValueError:
            if code >= HTTPStatus.MULTIPLE_CHOICES:
                return text  # proxies answer errors in HTML: the function has the code and decides
            message = f"{self._name} got a body that is not JSON"
            raise PyPwExtHTTPError(
                message, code=HTTPStatus.BAD_GATEWAY, response_body=text, response=response
            ) from None


def _render_values(templates: Mapping[str, Any], arguments: Mapping[str, Any]) -> Dict[str, Any]:
    rendered: Dict[str, Any] = {}
    for name, template in templates.items():
        if not isinstance(template, str):
            rendered[name] = template
        elif template[:1] == "{" and arguments.get(template[1:-1], "") is None:
            rendered[name] = None  # a placeholder alone, and nothing to put there: requests leaves such a parameter out
        else:
            rendered[name] = render(template, arguments)
    return rendered


def _wants_json(func: Callable[..., Any]) -> Any:
    """Return dict or list when `response_body` is annotated as one, also within Optional; else None."""
    try:
        annotation = typing.get_type_hints(func).get("response_body")
    except Exception:  # an annotation that only type checkers can resolve
        return None
    for candidate in (annotation, *typing.get_args(annotation)):
        origin = typing.get_origin(candidate) or candidate
        if isinstance(origin, type) and issubclass(origin, (dict, Mapping)):
            return dict
        if isinstance(origin, type) and issubclass(origin, list):
            return list
    return None
