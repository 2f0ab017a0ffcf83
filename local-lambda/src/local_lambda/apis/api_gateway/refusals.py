"""API Gateway's own error responses, for requests without a usable response from a function.

Statuses and messages: https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
for REST APIs, recorded responses of the service for HTTP APIs.
"""

from __future__ import annotations

from email.utils import formatdate
from enum import Enum

from local_lambda.apis.api_gateway.ids import Ids
from local_lambda.environment.documents import encode
from local_lambda.http.server import JSON, Exchange


class Refusal(Enum):
    """The reasons: status, message and error type of a REST API, status and message of an HTTP API."""

    NO_ROUTE = ((403, "Missing Authentication Token", "MissingAuthenticationTokenException"), (404, "Not Found"))
    TOO_LARGE = ((413, "Request Too Long", "RequestTooLargeException"), (413, "Request Entity Too Large"))
    FAILED = ((502, "Internal server error", "InternalServerErrorException"), (500, "Internal Server Error"))
    UNSERVED = ((500, "Internal server error", "InternalServerErrorException"), (500, "Internal Server Error"))
    UNAUTHORIZED = ((401, "Unauthorized", "UnauthorizedException"), (401, "Unauthorized"))
    DENIED = (
        (403, "User is not authorized to access this resource with an explicit deny", "AccessDeniedException"),
        (403, "Forbidden"),
    )
    NOT_ALLOWED = (
        (403, "User is not authorized to access this resource", "AccessDeniedException"),
        (403, "Forbidden"),
    )
    AUTHORIZER_FAILED = ((500, None, "AuthorizerConfigurationException"), (500, "Internal Server Error"))
    TIMED_OUT = ((504, "Endpoint request timed out", "InternalServerErrorException"), (503, "Service Unavailable"))

    def status(self, rest: bool) -> int:
        """The status of the response."""
        return int(self.value[0][0] if rest else self.value[1][0])


def refuse(
    exchange: Exchange, refusal: Refusal, rest: bool, ids: Ids | None = None, more: list[tuple[str, str]] | None = None
) -> None:
    """Respond with API Gateway's wording, and `more` headers; a request without a route does not have `ids`."""
    headers = [("Date", formatdate(usegmt=True)), *(ids or Ids(rest)).headers(), *(more or ())]
    (rest_status, rest_message, error_type), (status, message) = refusal.value
    if rest:
        headers.append(("x-amzn-ErrorType", error_type))
        status, message = rest_status, rest_message
    key = "Message" if rest and refusal in (Refusal.DENIED, Refusal.NOT_ALLOWED) else "message"
    exchange.respond(status, encode({key: message}), headers, JSON)
