"""One request of a route, from its arrival to its response."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from email.utils import formatdate
from typing import Any

from local_lambda.apis.api_gateway.authorizers import LambdaAuthorizer, Refused
from local_lambda.apis.api_gateway.events import event_of
from local_lambda.apis.api_gateway.malformed import Malformed
from local_lambda.apis.api_gateway.refusals import Refusal, refuse
from local_lambda.apis.api_gateway.request import Request
from local_lambda.apis.api_gateway.responses import Response, read_response
from local_lambda.apis.api_gateway.routes import Match
from local_lambda.apis.cors import Pairs, without_cors
from local_lambda.environment.documents import encode
from local_lambda.environment.invocation import Invocation, InvocationResponse
from local_lambda.errors import ApiError, Throttled
from local_lambda.http.server import Exchange
from local_lambda.limits import MAX_EVENT_BYTES
from local_lambda.xray.header import new_tracing

REST_TIMEOUT_SECONDS = 29.0
HTTP_TIMEOUT_SECONDS = 30.0
"""How long API Gateway waits for the function."""


class Call:
    """A request, its event and its response.

    `cors` are headers that replace those of the function, and `authorizer` decides whether it is invoked.
    """

    def __init__(
        self,
        exchange: Exchange,
        match: Match,
        notice: Callable[[str], None],
        cors: Pairs | None = None,
        authorizer: LambdaAuthorizer | None = None,
    ) -> None:
        self._exchange = exchange
        self._route = match.route
        incoming = exchange.header(b"x-amzn-trace-id")
        self._function = self._route.pool.function
        self._tracing = new_tracing(incoming.decode("latin-1") if incoming else None, self._function.tracing_active)
        self._request = Request(exchange, match, self._tracing.header)
        self._notice = notice
        self._cors = cors
        self._authorizer = authorizer
        self._timeout = REST_TIMEOUT_SECONDS if self._route.rest else HTTP_TIMEOUT_SECONDS
        self._task: asyncio.Task[None] | None = None

    def invoke(self) -> None:
        """Make the event and invoke the function with it."""
        self._task = asyncio.get_running_loop().create_task(self._serve())

    async def _serve(self) -> None:
        """Wait for the function's response as long as API Gateway does; the invocation itself continues after that."""
        try:
            async with asyncio.timeout(None if self._route.pool.debugged else self._timeout):
                event = b"" if self._exchange.body_size > MAX_EVENT_BYTES else encode(await self._event())
                if not 0 < len(event) <= MAX_EVENT_BYTES:
                    reason = f"the event would be larger than the {MAX_EVENT_BYTES} bytes that a function takes"
                    self._refuse(Refusal.TOO_LARGE, reason)
                    return
                invocation = Invocation(event, self._function.invoked_arn, self._tracing)
                response = await self._route.pool.call(invocation)
        except TimeoutError:
            reason = f"no response in {self._timeout:.0f} seconds, which is as long as API Gateway waits"
            self._refuse(Refusal.TIMED_OUT, reason)
        except Refused as refused:
            self._refuse(refused.refusal, str(refused))
        except Throttled:
            self._refuse(Refusal.UNSERVED, "the function is at its limit of environments")
        except ApiError as error:
            self._refuse(Refusal.UNSERVED, error.message)
        else:
            if invocation.refusal is not None:
                self._refuse(Refusal.UNSERVED, invocation.refusal.message)
            else:
                self._answer(response)

    async def _event(self) -> dict[str, Any]:
        """The event, with what the authorizer knows about the caller. Raises Refused."""
        if self._authorizer is None:
            return event_of(self._request)
        authorized = await self._authorizer.authorize(self._request)
        event = event_of(self._request)
        event["requestContext"]["authorizer"] = authorized
        return event

    def _answer(self, response: InvocationResponse) -> None:
        if response.failed:
            self._refuse(Refusal.FAILED, "the function failed")
            return
        try:
            self._respond(read_response(response.payload, self._route))
        except Malformed as error:
            self._refuse(Refusal.FAILED, f"the function's response is malformed: {error}")

    def _respond(self, response: Response) -> None:
        own = response.headers if self._cors is None else [*without_cors(response.headers), *self._cors]
        headers = [*own, *self._own_headers(response)]
        self._exchange.respond(response.status, response.body, headers)

    def _own_headers(self, response: Response) -> Iterator[tuple[str, str]]:
        """The headers that API Gateway adds."""
        if not any(name.lower() == "date" for name, _ in response.headers):
            yield "Date", formatdate(usegmt=True)
        yield from self._request.ids.headers()
        if self._route.rest:
            yield "X-Amzn-Trace-Id", self._tracing.header

    def _refuse(self, refusal: Refusal, reason: str) -> None:
        self._notice(f"{self._route}: status {refusal.status(self._route.rest)}, {reason}")
        refuse(self._exchange, refusal, self._route.rest, self._request.ids, self._cors)
