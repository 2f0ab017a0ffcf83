"""The port: finds the service that a request is for, and passes it to the Invoke API, the control plane or moto.

The credential scope of a request's signature names the service. The signature is not checked, kept or shown. Source:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html. It is still required, as a
protection against cross-site requests: a browser page cannot send that header here, so it cannot create functions.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import NamedTuple
from urllib.parse import unquote

from local_lambda.apis.errors import answering_errors
from local_lambda.apis.function_url.servers import FunctionUrls
from local_lambda.apis.invocations import api_error
from local_lambda.apis.invoke_2015_03_31 import invoke_api, is_invocation
from local_lambda.aws.checks import Document
from local_lambda.aws.client import ServiceClient
from local_lambda.aws.deliveries import lead_to
from local_lambda.aws.destinations import ServiceDestinations
from local_lambda.aws.forwarding import LogGroups
from local_lambda.aws.functions import FunctionRegistry
from local_lambda.aws.lambda_api import LambdaApi
from local_lambda.aws.long_polling import is_receive, receive
from local_lambda.aws.mapping_operations import mapped_function
from local_lambda.aws.operation import PACKAGES
from local_lambda.aws.queues import shorten
from local_lambda.aws.rules import FIRE_RULE, Rules
from local_lambda.aws.services import SERVED, Request, Services
from local_lambda.aws.shards import end_closed_shards
from local_lambda.durable.executions import Executions
from local_lambda.environment.documents import encode
from local_lambda.environment.invocation import Invocation, InvocationResponse
from local_lambda.errors import ApiError, Throttled, Unavailable, UsageError
from local_lambda.events.identifiers import new_uuid
from local_lambda.events.printable import print_line
from local_lambda.functions.config import ACCOUNT_ID, REGION
from local_lambda.http.server import JSON, Application, Exchange
from local_lambda.limits import MAX_UNZIPPED_BYTES
from local_lambda.service.directory import Versions, check_owner
from local_lambda.service.pool import EnvironmentPool
from local_lambda.sources.event_sources import EventSources
from local_lambda.sources.ports import Surroundings
from local_lambda.xray.header import new_tracing

MAX_BODY_BYTES = MAX_UNZIPPED_BYTES
_SCOPE = re.compile(rb"Credential=([^/,\s]{1,128})/\d{8}/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request").search
_PRESIGNED = re.compile(rb"(?:^|&)(?:AWSAccessKeyId=([^&]+)|X-Amz-Credential=[^&]+%2Fs3%2Faws4_request)(?:&|$)").search
_REGION = re.compile(r"[a-z]{2}(-[a-z]{1,12}){1,3}-\d").fullmatch
_REFUSED = {
    ("logs", "Logs_20140328.PutSubscriptionFilter"): "Subscription filters",
}
"""Operations that moto would accept but that would have no effect here."""
_HOP_BY_HOP = frozenset({"connection", "content-length", "transfer-encoding", "keep-alive", "server", "date"})


class Scope(NamedTuple):
    """The credential scope of a request."""

    key: str
    region: str
    service: str


class Endpoint:
    """The application of the port. `make_functions(region)` makes a region's registry when the region is first used."""

    def __init__(
        self,
        services: Services,
        logs: LogGroups,
        make_functions: Callable[[str], FunctionRegistry],
        say: Callable[[str, bool], None],
        limit: int,
        account: str = ACCOUNT_ID,
    ) -> None:
        self.regions: dict[str, FunctionRegistry] = {}
        self.urls: FunctionUrls
        """The function URLs; the command that serves the endpoint sets it."""
        self._make_functions = make_functions
        self._services = services
        self._say = say
        self._limit = limit
        self._account = account
        self._loop = asyncio.get_running_loop()
        self._firing: asyncio.Future[None] | None = None
        self.rules = Rules(services, self._deliver, say)
        self._logs = logs
        self._api = LambdaApi(services)
        self._invoke = answering_errors(self._in_region, api_error)
        self._invoke_apis: dict[str, Application] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = False

    def __call__(self, exchange: Exchange) -> None:
        if is_invocation(exchange.path):
            if self._stopping:
                api_error(exchange, _stopping())
            else:
                self._invoke(exchange)
            return
        task = asyncio.get_running_loop().create_task(self._answer(exchange))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _in_region(self, exchange: Exchange) -> None:
        scope = _scope(exchange)
        region = scope.region if scope else REGION
        app = self._invoke_apis.get(region)
        if app is None:
            app = self._invoke_apis[region] = invoke_api(self._functions(region).directory)
        app(exchange)

    def start(self) -> None:
        """Let services send to functions, and fire rules that have a schedule."""
        self._services.run(partial(lead_to, self._deliver))
        self._services.run(shorten)
        self._services.run(end_closed_shards)
        self._firing = asyncio.ensure_future(self.rules.run())

    def declare(self, region: str, pools: Mapping[str, EnvironmentPool], versions: Mapping[str, Versions]) -> None:
        """Add the functions of a template, and their published versions."""
        self._functions(region).declare(pools, versions)

    async def create_mapping(self, region: str, request: Document) -> None:
        """Create an event source mapping for a function of a template. Raises UsageError if it is invalid."""
        functions = self._functions(region)
        try:
            check_owner(str(request["FunctionName"]), region, self._account, "CreateEventSourceMapping")
            arn, timeout = mapped_function(functions, str(request["FunctionName"]))
            await functions.sources.create(request, arn, timeout)
        except ApiError as error:
            source = f"{request['FunctionName']}: {request.get('EventSourceArn')}"
            raise UsageError(f"{source}: {error.message}") from None

    def deliver(self, arn: str, sender: str, event: object) -> None:
        """Invoke a function asynchronously with an event that a service sends it."""
        try:
            pool, invoked = self._functions(arn.split(":")[3]).directory.resolve(arn.encode(), b"")
            tracing = new_tracing(None, pool.function.tracing_active, queued=True)
            pool.queue(Invocation(encode(event), invoked, tracing))
        except ApiError as error:
            self._say(f"an event of {sender} is lost: {error.message}", True)

    def _deliver(self, arn: str, sender: str, event: object) -> None:
        """The same from the thread of the services."""
        self._loop.call_soon_threadsafe(self.deliver, arn, sender, event)

    async def invoke(self, arn: str, payload: bytes, seconds: float) -> InvocationResponse:
        """Invoke a function for an event source; wait that long for a free environment. Raises ApiError."""
        pool, invoked = self._functions(arn.split(":")[3]).directory.resolve(arn.encode(), b"")
        if not pool.limit:  # no environment can become free
            raise Throttled("ReservedFunctionConcurrentInvocationLimitExceeded")
        tracing = new_tracing(None, pool.function.tracing_active, queued=True)
        return await pool.call(Invocation(payload, invoked, tracing), patient=True, until=perf_counter() + seconds)

    def _limit_of(self, arn: str) -> int:
        """How many environments a function may have now."""
        try:
            return self._functions(arn.split(":")[3]).directory.resolve(arn.encode(), b"")[0].limit
        except ApiError:  # it was deleted, as `invoke` reports
            return self._limit

    async def _chained(
        self, functions: FunctionRegistry, name: str, payload: bytes, tenant_id: str | None
    ) -> InvocationResponse:
        """Invoke a function for a durable execution. Raises ApiError."""
        pool, invoked = functions.directory.resolve(name.encode(), b"")
        tracing = new_tracing(None, pool.function.tracing_active, queued=True)
        return await pool.call(Invocation(payload, invoked, tracing, tenant_id=tenant_id), patient=True)

    async def stop_sources(self) -> None:
        """Poll no more queues and streams, fire no more rules, and continue no durable execution."""
        if self._firing is not None:
            self._firing.cancel()
        stops = [asyncio.ensure_future(functions.sources.stop()) for functions in self.regions.values()]
        await asyncio.sleep(0)  # now they know
        self._services.stir()
        await asyncio.gather(*stops)
        await asyncio.gather(*(functions.executions.close() for functions in self.regions.values()))

    def refuse(self) -> None:
        """Refuse all requests to Lambda: nothing would end the environments that they start."""
        self._stopping = True

    async def finish(self) -> None:
        """Wait for requests in progress, then end every environment."""
        self.refuse()
        await self.stop_sources()
        await asyncio.gather(*self._tasks)
        await asyncio.gather(*(functions.shutdown() for functions in self.regions.values()))

    async def drain(self) -> None:
        """Wait for the requests that came while environments ended."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _answer(self, exchange: Exchange) -> None:
        try:
            await self._dispatch(exchange)
        except ApiError as error:
            api_error(exchange, error)
        except Exception as error:
            path = exchange.path.decode("latin-1")
            print_line(f"internal error on {path}: {type(error).__name__}: {error}")
            if not exchange.responded:
                api_error(exchange, ApiError(500, "ServiceException", "Internal Server Error"))

    async def _dispatch(self, exchange: Exchange) -> None:
        scope = _scope(exchange)
        path = exchange.path.decode("latin-1")
        if exchange.body_size > MAX_BODY_BYTES or exchange.incomplete:
            raise ApiError(413, "RequestEntityTooLargeException", f"more than {MAX_BODY_BYTES} bytes, or cut off")
        if scope is None and exchange.method == b"GET" and path.startswith(PACKAGES):
            package = self._package(unquote(path.removeprefix(PACKAGES)))
            exchange.respond(200, package, [("Content-Type", "application/zip")])
        elif scope is None:
            raise ApiError(
                403,
                "MissingAuthenticationTokenException",
                "Missing Authentication Token: sign the request, with any credentials",
            )
        elif scope.service == "lambda":
            await self._lambda(exchange, scope, path)
        else:
            await self._moto(exchange, scope, path)

    async def _lambda(self, exchange: Exchange, scope: Scope, path: str) -> None:
        if self._stopping:
            raise _stopping()
        status, document = await self._api.call(
            self._functions(scope.region),
            exchange.method.decode(),
            path,
            exchange.query.decode("latin-1"),
            exchange.body,
            scope.key,
            f"http://{exchange.header(b'host').decode('latin-1')}",
        )
        headers = [("x-amzn-RequestId", new_uuid())]
        if document is None:
            exchange.respond(status, b"", headers)
        else:
            exchange.respond(status, encode(document), headers, JSON)

    async def _moto(self, exchange: Exchange, scope: Scope, path: str) -> None:
        query, target = exchange.query.decode("latin-1"), exchange.header(b"x-amz-target").decode("latin-1")
        refused = _REFUSED.get((scope.service, target or query.partition("=")[0]))
        if scope.service not in SERVED or (refused and exchange.method != b"GET"):
            _not_served(exchange, refused or f"The service {scope.service}")
            return
        if scope.service == "logs":
            self._logs.flush()
        request = Request(exchange.method.decode(), path, query, exchange.headers(), bytes(exchange.body))
        if target == FIRE_RULE:
            await self._fire(exchange, scope.region, request.body)
            return
        if scope.service == "sqs" and is_receive(target, request.body):
            left = asyncio.Event()
            exchange.on_disconnect = left.set
            answer = await receive(self._services, request, lambda: self._stopping or left.is_set())
        else:
            answer = await self._services.call(request)
        headers = [
            (name, value)
            for name, value in answer.headers
            if name.lower() not in _HOP_BY_HOP or (exchange.method == b"HEAD" and name.lower() == "content-length")
        ]
        exchange.respond(answer.status, answer.body, headers)

    async def _fire(self, exchange: Exchange, region: str, body: bytes) -> None:
        try:
            document = json.loads(body)
            bus, name = str(document.get("EventBusName") or "default"), str(document["Name"])
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ApiError(400, "ValidationException", "Name is missing") from None
        targets = await self.rules.fire(self._account, region, bus, name)
        exchange.respond(200, encode({"Targets": targets}), block=JSON)

    def _package(self, sha256: str) -> bytes:
        for functions in self.regions.values():
            for package in functions.packages():
                if package.sha256 == sha256:
                    return Path(package.zip).read_bytes()
        raise ApiError(404, "ResourceNotFoundException", "There is no such package, or it was deleted")

    def _functions(self, region: str) -> FunctionRegistry:
        functions = self.regions.get(region)
        if functions is None:
            if not _REGION(region):
                raise ApiError(400, "InvalidParameterValueException", f"{region} is not the name of a region")
            functions = self.regions[region] = self._make_functions(region)
            functions.urls = self.urls
            client = ServiceClient(self._services, region)
            functions.destinations = ServiceDestinations(client, self.deliver)
            functions.executions = Executions(partial(self._chained, functions), lambda text: self._say(text, True))
            functions.sources = EventSources(
                Surroundings(
                    region,
                    self._account,
                    client,
                    self.invoke,
                    self._services.activity,
                    self._say,
                    self._limit_of,
                )
            )
        return functions


def _scope(exchange: Exchange) -> Scope | None:
    """The credential scope in the Authorization header; a presigned URL of any version is for S3."""
    match = _SCOPE(exchange.header(b"authorization"))
    if match is not None:
        return Scope(*(part.decode("latin-1") for part in match.groups()))
    presigned = _PRESIGNED(exchange.query)
    return Scope((presigned[1] or b"local").decode("latin-1"), REGION, "s3") if presigned else None


def _not_served(exchange: Exchange, what: str) -> None:
    """Refuse in the format of the caller's protocol: JSON or XML."""
    text = f"{what} is not served by local-lambda aws, which has: lambda, {', '.join(sorted(SERVED))}"
    if exchange.header(b"content-type").startswith(b"application/x-amz-json"):
        exchange.respond(501, encode({"__type": "NotImplementedException", "message": text}), block=JSON)
        return
    error = f"<Error><Type>Sender</Type><Code>NotImplemented</Code><Message>{text}</Message></Error>"
    body = (
        error
        if b"form-urlencoded" not in exchange.header(b"content-type")
        else f"<ErrorResponse>{error}</ErrorResponse>"
    )
    exchange.respond(501, body.encode(), [("Content-Type", "text/xml")])


def _stopping() -> ApiError:
    return Unavailable("local-lambda is shutting down")
