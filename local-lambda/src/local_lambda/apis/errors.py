"""Error responses: how an `ApiError` that a verb raises becomes the response of its API."""

from __future__ import annotations

from collections.abc import Callable

from local_lambda.environment.documents import encode
from local_lambda.errors import ApiError
from local_lambda.events.printable import print_line
from local_lambda.http.server import JSON, Application, Exchange

Render = Callable[[Exchange, ApiError], None]


def json_error(exchange: Exchange, error: ApiError) -> None:
    """The error object of the Runtime, Extensions, Logs and Telemetry APIs: `errorMessage`, then `errorType`."""
    body = encode({"errorMessage": error.message, "errorType": error.error_type})
    exchange.respond(error.status, body, block=JSON)


def answering_errors(app: Application, render: Render) -> Application:
    """`app`, with its errors rendered as responses. A bug becomes a 500 and one line on standard error."""

    def guarded(exchange: Exchange) -> None:
        try:
            app(exchange)
        except ApiError as error:
            render(exchange, error)
        except Exception as error:
            path = exchange.path.decode("latin-1")
            print_line(f"internal error on {path}: {type(error).__name__}: {error}")
            if not exchange.responded:
                render(exchange, ApiError(500, "InternalServerError", "Internal Server Error"))

    return guarded
