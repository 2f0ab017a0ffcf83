"""Answers of micro-services: one form for results and errors, for API Gateway and load balancers.

    service = PyPwExtService(logger=logger)

    @service.handler(just_status_code=False)
    def handler(event, context):
        order = service.parse(event, Order)
        return PyPwExtResponse(status_code=HTTPStatus.CREATED, accepted=[add(item) for item in order.items])

`handler` makes what Lambda returns to its caller. `response` makes the `Response` of Powertools, for functions below a
resolver such as `APIGatewayHttpResolver`.
"""

from __future__ import annotations

import functools
import json
import logging
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Callable, Dict, Optional, Tuple, Type, TypeVar, Union, overload

from . import _parsing, deadline
from ._collecting import get_current_collector, installed_collector
from ._conversions import make_plain
from ._errors import ErrorAction, PyPwExtError, PyPwExtErrorWithReturn
from ._proxy import make_proxy_response
from ._public import publish
from ._reported import report
from ._responses import PyPwExtResponse, ResponseType, choose_status, merge_errors
from ._wrapping import apply, get_name, is_async, run_or_return, takes_self
from .base import Classification, Error, Message
from .encoders import PyPwExtJSONEncoder, dumps

__all__ = ["PyPwExtResponse", "PyPwExtReturn", "PyPwExtService", "ResponseType", "pypwext_response"]

M = TypeVar("M")
Func = Callable[..., Any]


@dataclass(frozen=True)
class _Options:
    always_return: bool
    code_from_error: bool
    just_status_code: bool


class PyPwExtService:
    """Makes responses.

    Args:
        encoder: Asked first for values of a body that JSON does not know; returns None for what is not its business.
        logger: Gets a row for each error that is answered or collected and not logged yet. Default is the logger made
            with `default_logger=True`, else the standard logger `pypwext`.
    """

    def __init__(self, encoder: Optional[Callable[[Any], Any]] = None, logger: Any = None) -> None:
        # Imported with the first service, which is made while Lambda initializes the function: not while it answers,
        # and not by code that only builds a PyPwExtResponse.
        from aws_lambda_powertools.event_handler.api_gateway import Response

        self._make_response: Any = Response
        self.encoder = PyPwExtJSONEncoder(encoder)
        self.logger = logger

    def parse(self, app: Any, model: Type[M], envelope: Any = None) -> M:
        """Return the body of a request as model, which is any type pydantic can validate.

        Args:
            app: A resolver of Powertools with its `current_event`, or an event: as dict or as a data class.
            envelope: An envelope of Powertools; it gets the whole event.

        Raises:
            PyPwExtHTTPError: 400 when the body is not a valid model, with details that say where; else 500.
        """
        parsed: M = _parsing.parse(app, model, envelope)
        return parsed

    @overload
    def response(self, _func: Func) -> Func: ...

    @overload
    def response(
        self,
        _func: None = None,
        type: ResponseType = ResponseType.API_GATEWAY_REST,
        always_return: bool = True,
        code_from_error: bool = True,
        just_status_code: bool = True,
    ) -> Callable[[Func], Func]: ...

    def response(
        self,
        _func: Optional[Func] = None,
        type: ResponseType = ResponseType.API_GATEWAY_REST,
        always_return: bool = True,
        code_from_error: bool = True,
        just_status_code: bool = True,
    ) -> Any:
        """Turn a returned `PyPwExtResponse`, and any exception, into a `Response` of Powertools.

        Other return values pass. Errors are those of the response, of the collector, and one that was raised. An
        exception other than a `PyPwExtError` is answered with 500 and `{"error": "Internal Server Error"}`.

        Args:
            type: Who gets the response. A `Response` suits all three: the resolver above gives it its final form.
            always_return: False lets an error with action RAISE out, and any exception other than a `PyPwExtError`.
            code_from_error: The status is the highest code of the errors, unless the response has a status other
                than 2xx. False keeps the status of the response.
            just_status_code: False adds the errors to the body, as its key `error`.
        """
        options = _Options(always_return, code_from_error, just_status_code)

        def decorator(func: Func) -> Func:
            if is_async(func):

                @functools.wraps(func)
                async def async_wrapper(*args: Any, **kwargs: Any) -> Any:
                    with deadline.track(args, kwargs):
                        try:
                            return self._answer(await func(*args, **kwargs), options)
                        except Exception as error:
                            if not self._may_answer(error, options):
                                raise
                            return self._answer_error(error, options, func)

                return async_wrapper

            @functools.wraps(func)
            def wrapper(*args: Any, **kwargs: Any) -> Any:
                with deadline.track(args, kwargs):
                    try:
                        return self._answer(func(*args, **kwargs), options)
                    except Exception as error:
                        if not self._may_answer(error, options):
                            raise
                        return self._answer_error(error, options, func)

            return wrapper

        return apply(decorator, _func)

    @overload
    def handler(self, _func: Func) -> Func: ...

    @overload
    def handler(
        self,
        _func: None = None,
        type: Optional[ResponseType] = None,
        always_return: bool = True,
        code_from_error: bool = True,
        just_status_code: bool = True,
    ) -> Callable[[Func], Func]: ...

    def handler(
        self,
        _func: Optional[Func] = None,
        type: Optional[ResponseType] = None,
        always_return: bool = True,
        code_from_error: bool = True,
        just_status_code: bool = True,
    ) -> Any:
        """Make a function the handler that Lambda calls: like `response`, with a dict that Lambda can return.

        It installs a collector if there is none. A coroutine function is run to its end, because Lambda
        does not await; called while a loop runs, as in a test, it gives the coroutine. Below it, `response` may already
        have made a `Response`, which is then given its final form.

        Args:
            type: Who gets the response; None finds it out from the event: REST API, HTTP API, function URL or ALB.
        """
        answering = self.response(
            always_return=always_return, code_from_error=code_from_error, just_status_code=just_status_code
        )

        def decorator(func: Func) -> Func:
            answer = answering(func)
            position = 1 if takes_self(func) else 0

            def get_event(args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Any:
                return kwargs["event"] if "event" in kwargs else dict(enumerate(args)).get(position)

            if is_async(func):

                async def run(*args: Any, **kwargs: Any) -> Any:
                    with installed_collector():
                        return self._to_proxy(await answer(*args, **kwargs), get_event(args, kwargs), type)

                @functools.wraps(func)
                def async_handler(*args: Any, **kwargs: Any) -> Any:
                    return run_or_return(run(*args, **kwargs))

                return async_handler

            @functools.wraps(func)
            def handler(*args: Any, **kwargs: Any) -> Any:
                with installed_collector():
                    return self._to_proxy(answer(*args, **kwargs), get_event(args, kwargs), type)

            return handler

        return apply(decorator, _func)

    def _to_proxy(self, value: Any, event: Any, response_type: Optional[ResponseType]) -> Any:
        if isinstance(value, self._make_response):
            return make_proxy_response(value, event, response_type)
        return value if isinstance(value, bytes) else make_plain(value, self.encoder.default)

    def _answer(self, value: Any, options: _Options) -> Any:
        """Return value, as a Response if it is a PyPwExtResponse."""
        if not isinstance(value, PyPwExtResponse):
            return value
        collector = get_current_collector()
        errors = list(collector.errors) if collector is not None else []
        errors += [error for error in value.error if not any(known is error for known in errors)]
        for error in errors:
            self._report(error, "An error was collected", logging.WARNING, exc_info=None)
        body = value.body if options.just_status_code else merge_errors(value.body, errors)
        if body is not None and not isinstance(body, (str, bytes)):
            body = dumps(body, self.encoder.default)
        status = choose_status(value.status_code, errors, options.code_from_error)
        headers = dict(value.headers or {})
        has_type = any(name.lower() == "content-type" for name in headers)
        return self._make_response(
            status_code=status, content_type=None if has_type else value.content_type, body=body, headers=headers
        )

    def _may_answer(self, error: Exception, options: _Options) -> bool:
        """Collect error, and return whether it is answered or raised."""
        if not isinstance(error, PyPwExtError):
            return options.always_return
        collector = get_current_collector()
        if collector is not None:
            collector.add(error)
        return options.always_return or error.action != ErrorAction.RAISE

    def _answer_error(self, error: Exception, options: _Options, func: Func) -> Any:
        """Return the Response for an exception, and see to it that there is a row about it."""
        self._report(error, f"Exception in {get_name(func)}", logging.ERROR)
        if isinstance(error, PyPwExtError):
            value = error.return_value if isinstance(error, PyPwExtErrorWithReturn) else None
            status = HTTPStatus.OK if options.code_from_error else error.code
            try:
                return self._answer(PyPwExtResponse(status_code=status, body=value, error=error), options)
            except Exception as broken:  # an encoder that fails, say: the caller still gets a response
                self._report(broken, f"Answer of {get_name(func)}", logging.ERROR)
        return self._make_response(
            status_code=HTTPStatus.INTERNAL_SERVER_ERROR.value,
            content_type="application/json",
            body=json.dumps({"error": "Internal Server Error"}),
        )

    def _report(self, error: Exception, text: str, level: int, **options: Any) -> None:
        message = {Message: text, Error: error}
        if isinstance(error, PyPwExtError):
            message[Classification] = error.classification
        report(self.logger, message, error, level, **options)


# Names that older code uses.
PyPwExtReturn = PyPwExtResponse


def pypwext_response(_func: Optional[Func] = None, **options: Any) -> Union[Func, Any]:
    """Decorate with the `response` of a service that has no encoder and the default logger."""
    return PyPwExtService().response(_func, **options)


publish(globals(), __all__)
