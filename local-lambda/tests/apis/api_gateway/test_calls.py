"""What the caller of a route gets when there is no answer of the function."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from local_lambda.apis.api_gateway.application import api_gateway
from local_lambda.apis.api_gateway.routes import Route, Routes
from local_lambda.environment.invocation import Invocation, InvocationResponse
from local_lambda.functions.config import ApiRoute, FunctionConfig
from local_lambda.http.exchange import Exchange
from local_lambda.http.head import Head
from local_lambda.http.headers import NONE, Block, Pairs
from support.api_gateway import CODE, route, send
from support.tool import DEADLINE_SECONDS, Gate, Project, Tool


def test_request_that_is_too_large_is_413(api: Tool) -> None:
    """The event is larger than the body, and a function takes 6 MB."""
    reply = send(api, "POST", "/orders/1", b"\xff" * 5_000_000, Content_Type="image/png")
    assert (reply.status, reply.json) == (413, {"message": "Request Too Long"})


def test_route_is_500_when_the_function_is_at_its_limit(
    make_project: Callable[..., Project], make_gate: Callable[[], Gate], callers: Any
) -> None:
    """API Gateway treats throttling as an internal error."""
    wait = {"Handler": "app.wait", "ReservedConcurrentExecutions": 1, "Events": {"A": route("Api", "/wait", "post")}}
    project, gate = make_project({"app.py": CODE}, Wait=wait), make_gate()
    with project.serving() as tool:
        first = callers.submit(send, tool, "POST", "/wait", json.dumps(gate.event).encode())
        gate.reached(tool)
        reply = send(tool, "POST", "/wait", b"{}")
        assert (reply.status, reply.json) == (500, {"message": "Internal server error"})
        gate.open("done")
        assert first.result().body == b"done\n"


@pytest.mark.parametrize(
    ("rest", "status", "message"), [(True, 504, "Endpoint request timed out"), (False, 503, "Service Unavailable")]
)
def test_caller_is_told_when_the_function_takes_too_long(
    monkeypatch: pytest.MonkeyPatch, rest: bool, status: int, message: str
) -> None:
    """API Gateway does not wait as long as a function may take; a late answer goes nowhere."""

    class Slow:
        """A pool that keeps an invocation."""

        function = FunctionConfig("slow", "app.handler")
        debugged = False

        async def call(self, invocation: Invocation) -> InvocationResponse:
            """Waits for a response that comes when it is too late."""
            self.responded = asyncio.get_running_loop().create_future()
            return await self.responded

    class Caller(Exchange):
        """A request without a connection."""

        def __init__(self) -> None:
            self.head = Head(b"GET", b"/slow", b"\r\nHost: localhost")
            self.method, self.path, self.query = b"GET", b"/slow", b""
            self.answers: list[tuple[int, bytes]] = []

        def respond(self, status: int, body: bytes = b"", headers: Pairs = (), block: Block = NONE) -> None:
            """Keeps the response."""
            self.answers.append((status, body))
            answered.set()

        client = port = ""

    async def call() -> list[tuple[int, bytes]]:
        api_gateway(Routes([route_of_slow]), lambda text, bad: notices.append(text), lambda exchange: None)(caller)
        await asyncio.wait_for(answered.wait(), DEADLINE_SECONDS)
        assert pool.responded.cancelled()
        return caller.answers

    for name in ("REST_TIMEOUT_SECONDS", "HTTP_TIMEOUT_SECONDS"):
        monkeypatch.setattr(f"local_lambda.apis.api_gateway.call.{name}", 0.0)
    pool, caller, notices, answered = Slow(), Caller(), list[str](), asyncio.Event()
    definition = ApiRoute("GET", "/slow", "1.0" if rest else "2.0", rest, "Slow")
    route_of_slow = Route(definition, pool)  # type: ignore[arg-type]
    assert asyncio.run(call()) == [(status, b'{"message":"%b"}' % message.encode())]
    assert [notice.partition(",")[0] for notice in notices] == [f"GET /slow: status {status}"]
