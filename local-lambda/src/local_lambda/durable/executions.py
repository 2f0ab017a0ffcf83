"""The durable executions of a region: starts them, invokes their functions as often as needed, and bounds their number.

Rules: https://docs.aws.amazon.com/lambda/latest/dg/durable-functions.html. AWS invokes a function that fails again with
growing pauses until the execution times out; five attempts in a row are what its local runner makes:
https://docs.aws.amazon.com/lambda/latest/dg/durable-execution-sdk-retries.html
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import NamedTuple, Protocol

from local_lambda.durable.execution import RUNNING, Execution
from local_lambda.durable.operations import FAILED, STOPPED, SUCCEEDED, TIMED_OUT, Document, Operation, refused
from local_lambda.environment.documents import decode, encode
from local_lambda.environment.invocation import Invocation, InvocationResponse
from local_lambda.errors import ApiError
from local_lambda.events.identifiers import new_uuid
from local_lambda.functions.config import FunctionConfig
from local_lambda.xray.header import new_tracing

MAX_EXECUTIONS = 1000
"""How many executions of a region are kept; the oldest one that has ended makes room."""
MAX_FAILURES = 5
MAX_EMPTY_SUSPENSIONS = 3
RETRY_SECONDS = 1.0
"""The pause after an invocation that has failed."""
MAX_SYNCHRONOUS_SECONDS = 900


class Pool(Protocol):
    """The environments of one function."""

    function: FunctionConfig

    async def call(self, invocation: Invocation, /, *, patient: bool = False) -> InvocationResponse:
        """Serve an invocation. Raises ApiError."""


class _Run(NamedTuple):
    execution: Execution
    pool: Pool
    first: Invocation
    changed: asyncio.Event
    ended: asyncio.Future[None]


class Executions:
    """`invoke(name, payload, tenant_id)` invokes another function of the region; `notice` prints a line."""

    def __init__(
        self,
        invoke: Callable[[str, bytes, str | None], Awaitable[InvocationResponse]],
        notice: Callable[[str], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._invoke = invoke
        self._notice = notice
        self._clock = clock
        self._runs: dict[str, _Run] = {}
        self._names: dict[str, str] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    # --- invocations of durable functions

    def start(self, pool: Pool, invocation: Invocation, *, queued: bool) -> Execution:
        """Start an execution, or find the one with the same name and payload. Raises ApiError."""
        function, payload = pool.function, invocation.payload.decode("utf-8", "replace")
        assert function.durable is not None
        if invocation.function_arn.count(":") < 7:
            raise refused("You cannot invoke a durable function using an unqualified ARN.")
        if not queued and function.durable.timeout > MAX_SYNCHRONOUS_SECONDS:
            text = "with an executionTimeout greater than 15 minutes."
            raise refused(f"You cannot synchronously invoke a durable function {text}")
        if self._closed:
            raise ApiError(503, "ServiceUnavailable", "local-lambda is shutting down")
        name = invocation.durable_name or new_uuid()
        known = self._runs.get(self._names.get(name, ""))
        if known is not None:
            if known.execution.payload != payload or known.pool is not pool:
                text = f"A durable execution with the name {name} has already been started, with other input"
                raise ApiError(409, "DurableExecutionAlreadyStartedException", text)
            invocation.durable_arn = known.execution.arn
            return known.execution
        self._make_room()
        arn = f"{function.arn}:{function.version}/durable-execution/{name}/{new_uuid()}"
        execution = Execution(
            arn,
            name,
            invocation.function_arn,
            payload,
            function.durable.timeout,
            self._clock(),
            self._chain,
            self._changed,
        )
        run = _Run(execution, pool, invocation, asyncio.Event(), asyncio.get_running_loop().create_future())
        self._runs[arn], self._names[name] = run, arn
        invocation.durable_arn = arn
        self._later(self._drive(run))
        return execution

    def serve(
        self,
        pool: Pool,
        invocation: Invocation,
        respond: Callable[[InvocationResponse], object],
        refuse: Callable[[ApiError], object],
    ) -> None:
        """Serve a synchronous invocation: the response comes when the execution has ended."""
        try:
            execution = self.start(pool, invocation, queued=False)
        except ApiError as error:
            refuse(error)
            return

        def ended(_: asyncio.Future[None]) -> None:
            if execution.status == RUNNING:
                refuse(ApiError(503, "ServiceUnavailable", "local-lambda is shutting down"))
            else:
                respond(_response(execution))

        self._runs[execution.arn].ended.add_done_callback(ended)

    async def close(self) -> None:
        """Invoke no more functions, and name the executions that are lost. A second call does nothing."""
        if self._closed:
            return
        self._closed = True
        lost = [run for run in self._runs.values() if run.execution.status == RUNNING]
        if lost:
            self._notice(f"durable executions that had not ended, and are lost: {len(lost)}")
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for run in lost:
            if not run.ended.done():
                run.ended.set_result(None)

    # --- what the API's operations need

    def get(self, arn: str) -> Execution:
        """An execution. Raises ApiError ResourceNotFoundException."""
        run = self._runs.get(arn)
        if run is None:
            raise ApiError(404, "ResourceNotFoundException", f"Durable execution not found: {arn}")
        return run.execution

    def of_function(self, arn: str) -> Iterator[Execution]:
        """The executions of a function, given by its unqualified ARN, in the order in which they began."""
        return (each.execution for each in self._runs.values() if each.pool.function.arn == arn)

    def stop(self, arn: str, error: Document | None) -> float:
        """Stop an execution; return when it ended. The invocation that runs comes to its end, and counts no more."""
        execution = self.get(arn)
        execution.finish(STOPPED, self._clock(), error=error)
        assert execution.end is not None
        return execution.end

    def fail_all(self, pool: Pool) -> None:
        """End the executions of a function or a version that is deleted: it cannot be invoked again."""
        error = _error("ResourceNotFoundException", f"Function not found: {pool.function.arn}")
        for run in list(self._runs.values()):
            if run.pool is pool:
                run.execution.finish(FAILED, self._clock(), error=error)

    def delete(self, arn: str) -> float:
        """Forget an execution that has ended. Raises ApiError while it runs."""
        execution = self.get(arn)
        if execution.status == RUNNING:
            raise ApiError(409, "ResourceConflictException", "The durable execution is running; stop it first")
        self._forget(arn)
        return self._clock()

    def checkpoint(self, arn: str, request: Document) -> Document:
        """Save progress. Raises ApiError."""
        updates = request.get("Updates") or []
        if not (isinstance(updates, list) and all(isinstance(each, dict) for each in updates)):
            raise refused("Updates must be a list of structures")
        token, client_token = request.get("CheckpointToken"), request.get("ClientToken")
        return self.get(arn).checkpoint(token, updates, client_token, self._clock())

    def call_back(
        self, identifier: str, status: str | None, result: str | None = None, error: Document | None = None
    ) -> None:
        """End the callback with this id, or with the status None keep it alive. Raises ApiError."""
        for run in self._runs.values():
            operation = run.execution.callbacks.get(identifier)
            if operation is not None:
                run.execution.complete_due(self._clock())
                if status is None:
                    run.execution.heartbeat(operation, self._clock())
                else:
                    run.execution.complete(operation, status, self._clock(), result, error)
                return
        raise ApiError(404, "ResourceNotFoundException", "There is no callback with this id")

    # --- parts

    async def _drive(self, run: _Run) -> None:
        """Invoke the function until the execution has ended."""
        execution, failures, empty = run.execution, 0, 0
        timeout = asyncio.get_running_loop().call_later(execution.timeout, self._time_out, execution)
        try:
            while execution.status == RUNNING:
                execution.complete_due(self._clock())
                run.changed.clear()
                start = self._clock()
                request_id, answer, error = await self._attempt(run)
                execution.invoked(request_id, start, self._clock(), error)
                if execution.status != RUNNING:
                    break
                if error is not None:
                    failures += 1
                    if failures >= MAX_FAILURES:
                        execution.finish(FAILED, self._clock(), error=error)
                    else:
                        text = f"{error['ErrorType']}, attempt {failures} of {MAX_FAILURES}; the next one follows"
                        self._notice(f"an invocation of durable execution {execution.name} has failed: {text}")
                        await _wait(run.ended, RETRY_SECONDS)
                    continue
                failures = 0
                if answer.get("Status") == "PENDING":
                    empty = 0 if execution.waits or execution.has_news else empty + 1
                    if empty >= MAX_EMPTY_SUSPENSIONS:
                        text = "Cannot return PENDING status with no pending operations."
                        execution.finish(FAILED, self._clock(), error=_error("InvalidParameterValueException", text))
                    elif empty:
                        await _wait(run.ended, RETRY_SECONDS)
                    else:
                        await self._suspended(run)
                else:
                    self._end(execution, answer)
        finally:
            timeout.cancel()

    async def _attempt(self, run: _Run) -> tuple[str, Document, Document | None]:
        """One invocation: its request id, and what the function returned, or the error with which it failed."""
        first = run.first
        invocation = Invocation(
            encode(run.execution.begin()),
            first.function_arn,
            new_tracing(first.tracing.header, run.pool.function.tracing_active, queued=True),
            tenant_id=first.tenant_id,
        )
        invocation.replay = True
        try:
            response = await run.pool.call(invocation, patient=True)
        except ApiError as error:
            return invocation.request_id, {}, _error(error.error_type, error.message)
        if response.failed:
            return invocation.request_id, {}, _failure(response.payload)
        return invocation.request_id, _document(response.payload), None

    def _end(self, execution: Execution, answer: Document) -> None:
        """End the execution as the function says."""
        status, result, error = answer.get("Status"), answer.get("Result"), answer.get("Error")
        wrong = None
        if status not in (SUCCEEDED, FAILED):
            wrong = "Invalid Status in invocation output."
        elif status == FAILED and result is not None:
            wrong = "Cannot provide a Result for FAILED status."
        elif status == SUCCEEDED and error is not None:
            wrong = "Cannot provide an Error for SUCCEEDED status."
        if wrong is not None:
            status, result, error = FAILED, None, _error("InvalidParameterValueException", wrong)
        execution.finish(str(status), self._clock(), result, error)

    async def _suspended(self, run: _Run) -> None:
        """Wait until there is a reason to invoke the function again."""
        execution = run.execution
        while execution.status == RUNNING and not execution.has_news:
            due = execution.next_due()
            run.changed.clear()
            await _wait_for(run.changed, None if due is None else max(due - self._clock(), 0.0))
            execution.complete_due(self._clock())

    def _time_out(self, execution: Execution) -> None:
        error = _error("ExecutionTimeout", f"The durable execution timed out after {execution.timeout} seconds")
        execution.finish(TIMED_OUT, self._clock(), error=error)

    def _changed(self, execution: Execution) -> None:
        run = self._runs[execution.arn]
        run.changed.set()
        if execution.status != RUNNING and not run.ended.done():
            run.ended.set_result(None)
            if execution.status != SUCCEEDED:
                error = execution.error or {}
                why = f"{error.get('ErrorType') or 'no error type'}: {error.get('ErrorMessage') or ''}"
                self._notice(f"durable execution {execution.name} has ended: {execution.status}, {why[:500]}")

    def _chain(self, execution: Execution, operation: Operation, update: Document) -> None:
        self._later(self._chained(execution, operation, update))

    async def _chained(self, execution: Execution, operation: Operation, update: Document) -> None:
        options = update["ChainedInvokeOptions"]
        payload = str(update.get("Payload") or "{}").encode()
        status, result, error = SUCCEEDED, None, None
        try:
            response = await self._invoke(options["FunctionName"], payload, options.get("TenantId"))
            result = response.payload.decode("utf-8", "replace")
            if response.failed:
                status, result, error = FAILED, None, _failure(response.payload)
        except ApiError as refusal:
            status, error = FAILED, _error(refusal.error_type, refusal.message)
        if execution.status == RUNNING:
            execution.complete(operation, status, self._clock(), result, error)

    def _make_room(self) -> None:
        if len(self._runs) < MAX_EXECUTIONS:
            return
        ended = next((arn for arn, run in self._runs.items() if run.execution.status != RUNNING), None)
        if ended is None:
            raise ApiError(429, "TooManyRequestsException", f"{MAX_EXECUTIONS} durable executions are running")
        self._forget(ended)

    def _forget(self, arn: str) -> None:
        run = self._runs.pop(arn)
        del self._names[run.execution.name]

    def _later(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _wait(ended: asyncio.Future[None], seconds: float) -> None:
    """Wait, but not longer than the execution lasts."""
    await asyncio.wait((ended,), timeout=seconds)


async def _wait_for(changed: asyncio.Event, seconds: float | None) -> None:
    try:
        await asyncio.wait_for(changed.wait(), seconds)
    except TimeoutError:
        pass


def _error(kind: str, text: str) -> Document:
    return {"ErrorType": kind, "ErrorMessage": text}


def _document(payload: bytes) -> Document:
    """A JSON object, or an empty one."""
    try:
        found = decode(payload)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _failure(payload: bytes) -> Document:
    """The error that a function's response describes."""
    found = _document(payload)
    return _error(str(found.get("errorType", "Unhandled")), str(found.get("errorMessage", "")))


def _response(execution: Execution) -> InvocationResponse:
    """What the caller of a synchronous invocation gets: the result, or the error as other functions return it."""
    if execution.status == SUCCEEDED:
        return InvocationResponse((execution.result or "null").encode(), failed=False)
    error = execution.error or {}
    document = {
        "errorMessage": error.get("ErrorMessage", f"The durable execution ended: {execution.status}"),
        "errorType": error.get("ErrorType", execution.status),
        "stackTrace": error.get("StackTrace", []),
    }
    return InvocationResponse(encode(document), failed=True)
