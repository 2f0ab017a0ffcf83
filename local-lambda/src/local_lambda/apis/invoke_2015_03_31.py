"""Invoke API, version 2015-03-31, which SDKs, the AWS CLI and curl call.

Specification: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html. Error bodies, the case of their message
key and the `x-amzn-ErrorType` header make botocore raise its typed exceptions.
"""

from __future__ import annotations

import base64

from local_lambda.apis import invoke_2021_11_15
from local_lambda.apis.errors import answering_errors
from local_lambda.apis.invocations import api_error, common_headers, invocation_type, new_invocation, payload_of
from local_lambda.apis.router import Router
from local_lambda.environment.invocation import Invocation, InvocationResponse
from local_lambda.errors import ApiError
from local_lambda.events.identifiers import new_uuid
from local_lambda.http.server import JSON, Application, Exchange
from local_lambda.service.directory import FunctionDirectory
from local_lambda.service.pool import EnvironmentPool

INVOCATIONS = "/2015-03-31/functions/{FunctionName}/invocations"
_BEGINNINGS = (b"/2015-03-31/functions/", b"/2021-11-15/functions/")
_ENDS = (b"/invocations", b"/response-streaming-invocations")


def is_invocation(path: bytes) -> bool:
    """Whether a path belongs to this API."""
    return path.startswith(_BEGINNINGS) and path.endswith(_ENDS)


def invoke_api(directory: FunctionDirectory) -> Application:
    """The application of a tool's Invoke port."""

    def invoke(exchange: Exchange, name: bytes) -> None:
        pool, arn = directory.resolve(name, exchange.query)
        _invoke(pool, arn, exchange)

    def stream(exchange: Exchange, name: bytes) -> None:
        pool, arn = directory.resolve(name, exchange.query)
        invoke_2021_11_15.invoke_with_response_stream(pool, arn, exchange)

    table = {("POST", INVOCATIONS): invoke, ("POST", invoke_2021_11_15.INVOCATIONS): stream}
    router = Router(table, _unknown, "MethodNotAllowedException")
    return answering_errors(router.serve, api_error)


def _unknown(exchange: Exchange) -> ApiError:
    known = "POST /2015-03-31/functions/<name>/invocations"
    path = exchange.path.decode("latin-1")
    return ApiError(404, "ResourceNotFoundException", f"No such path: {path}; try {known}")


def _invoke(pool: EnvironmentPool, arn: str, exchange: Exchange) -> None:
    kind = invocation_type(exchange, b"Event", b"RequestResponse", b"DryRun")
    queued = kind == b"Event"
    payload = payload_of(exchange, asynchronous=queued)
    if kind == b"DryRun":
        exchange.respond(204, headers=[("x-amzn-RequestId", new_uuid())])
        return
    if queued:
        invocation = new_invocation(exchange, pool, arn, payload)
        pool.queue(invocation)
        exchange.respond(202, headers=common_headers(invocation))
        return

    def answered(invocation: Invocation, answer: InvocationResponse) -> None:
        if invocation.refusal is not None:
            refused(invocation.refusal)
            return
        headers = common_headers(invocation)
        headers.append(("X-Amz-Executed-Version", version))
        if answer.failed:
            headers.append(("X-Amz-Function-Error", "Unhandled"))
        if answer.log_tail is not None:
            headers.append(("X-Amz-Log-Result", base64.b64encode(answer.log_tail).decode()))
        exchange.respond(200, answer.payload, headers, JSON)

    def refused(error: ApiError) -> None:
        api_error(exchange, error)

    version = pool.function.version
    pool.invoke(new_invocation(exchange, pool, arn, payload, answered), refused)
