"""The environments of one function: reuse of warm ones, the concurrency limit, and the callers that wait for one.

Rules: https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html.
When every environment is busy, an invocation waits for `PLACEMENT_SECONDS` before it is throttled: a caller that sends
its next request while the environment is still finishing the previous one is not over the limit.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial
from math import inf
from time import perf_counter
from typing import NamedTuple, Protocol

from local_lambda.environment.environment import ExecutionEnvironment
from local_lambda.environment.invocation import Invocation, InvocationResponse
from local_lambda.errors import ApiError, Throttled, Unavailable
from local_lambda.functions.config import PROVISIONED, FunctionConfig
from local_lambda.service.asynchronous import RETRY_SECONDS, AsynchronousInvocations

PLACEMENT_SECONDS = 0.1

OnRefused = Callable[[ApiError], None]


class Durable(Protocol):
    """Serves invocations of durable functions, which can take several invocations of their environments."""

    def start(self, pool: EnvironmentPool, invocation: Invocation, *, queued: bool) -> object:
        """Start an execution, or find the one with the same name. Raises ApiError."""

    def serve(
        self,
        pool: EnvironmentPool,
        invocation: Invocation,
        respond: Callable[[InvocationResponse], object],
        refuse: OnRefused,
    ) -> None:
        """Start an execution and respond when it has ended."""


class Restored(Protocol):
    """The snapshots from which environments are restored."""

    on_lost: Callable[[], None]

    def renew(self) -> None:
        """Take another one, because the function has changed."""

    async def end_old(self) -> None:
        """End those from which no environment is left."""

    async def close(self) -> None:
        """End all."""


class _Caller(NamedTuple):
    """A caller that waits for an environment."""

    invocation: Invocation
    on_refused: OnRefused
    patient: bool
    until: float
    """When even a patient caller gives up (`perf_counter` seconds)."""


class EnvironmentPool:
    """All environments of `function`, at most `limit`. `create` makes a new one, attached to the loop.

    `discard` gets each environment that has ended. An environment that was idle for `idle_seconds` is shut down.
    """

    def __init__(
        self,
        function: FunctionConfig,
        limit: int,
        create: Callable[[], ExecutionEnvironment],
        notice: Callable[[str], None],
        retry_seconds: tuple[float, ...] | None = None,
        discard: Callable[[ExecutionEnvironment], None] = lambda environment: None,
        idle_seconds: float | None = None,
    ) -> None:
        self.function = function
        self.limit = limit
        self.environments: list[ExecutionEnvironment] = []
        self._create = create
        self._notice = notice
        self._discard = discard
        self.asynchronous = AsynchronousInvocations(
            lambda: self.function,
            partial(self.call, patient=True),
            notice,
            RETRY_SECONDS if retry_seconds is None else retry_seconds,
            may_run=lambda: self.limit > 0,
        )
        self._idle: list[ExecutionEnvironment] = []
        """The last one is the next to serve. Provisioned ones serve first, as on AWS."""
        self._leaving: set[ExecutionEnvironment] = set()
        self._provisioned: tuple[Callable[[], ExecutionEnvironment], int] | None = None
        self._waiting: deque[_Caller] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._fault = ""
        """Why no environment could be created; reset as soon as one can be."""
        self._finished: asyncio.Future[None] | None = None
        self._ending: asyncio.Future[None] | None = None
        self.durable: Durable | None = None
        """Serves the invocations of a durable function, if there is a local AWS endpoint."""
        self.snapshots: Restored | None = None
        """Where its environments come from, if they are restored."""
        self.debugged = False
        """Whether no caller may run out of patience, because a debugger may be attached."""
        self._idle_seconds = idle_seconds
        self._idle_since: dict[ExecutionEnvironment, float] = {}
        self._idle_timer: asyncio.TimerHandle | None = None

    def restore_from(self, snapshots: Restored) -> None:
        """Have environments restored; when a snapshot is lost, so are those that were forked from it."""
        self.snapshots = snapshots
        snapshots.on_lost = lambda: self.renew(self.function, lambda: None)

    def adopt(self, environment: ExecutionEnvironment) -> None:
        """Add an environment to the pool."""
        environment.on_free = self._freed
        self.environments.append(environment)
        if environment.free:
            self._idle.append(environment)

    def debug(self) -> None:
        """Start an environment at once, so that a debugger can attach; callers then wait for as long as it takes."""
        self.debugged = True
        environment = self._create()
        environment.init()
        self.adopt(environment)

    def provision(self, create: Callable[[], ExecutionEnvironment], count: int) -> None:
        """Have that many environments from now on, also when the function is renewed; they stay when they are idle."""
        self._provisioned = create, count
        ahead = sorted(self.ahead(), key=lambda environment: environment not in self._idle)
        for environment in ahead[: max(len(ahead) - count, 0)]:
            self.retire(environment)
        for _ in range(count - len(ahead)):
            if len(self.environments) >= self.limit and (mortal := self._mortal()):
                self.retire(mortal[0])
            environment = create()
            environment.init()
            self.adopt(environment)

    def ahead(self) -> list[ExecutionEnvironment]:
        """The environments that have started, or are starting, ahead of invocations."""
        return [environment for environment in self.environments if _is_provisioned(environment)]

    def invoke(
        self, invocation: Invocation, on_refused: OnRefused, *, patient: bool = False, until: float = inf
    ) -> None:
        """Serve the invocation on a warm environment, a new one, or the first that becomes free.

        `on_refused` gets the service's error when the function is at its limit (Throttled; a patient caller waits
        instead, until `until`), or when no environment can be created (ServiceUnavailable).
        """
        if (invocation.tenant_id is not None) != self.function.tenant_isolation:
            on_refused(_wrong_tenant(self.function.tenant_isolation))
        elif self._starts_execution(invocation):
            assert self.durable is not None
            self.durable.serve(self, invocation, partial(invocation.on_response, invocation), on_refused)
        elif self._idle and (environment := self._take_idle(invocation.tenant_id)) is not None:
            self._give(environment, _Caller(invocation, on_refused, patient, until))
        elif len(self.environments) < self.limit and self._finishing(invocation.tenant_id) <= len(self._waiting):
            self._start_environment(_Caller(invocation, on_refused, patient, until))
        elif self._idle and not self._finishing(invocation.tenant_id):  # all idle ones belong to other tenants
            self._replace(self._idle.pop(0), _Caller(invocation, on_refused, patient, until))
        else:
            invocation.waiting_since = perf_counter()
            self._waiting.append(_Caller(invocation, on_refused, patient, until))
            if self._timer is None:
                self._arm(PLACEMENT_SECONDS)

    async def call(self, invocation: Invocation, *, patient: bool = False, until: float = inf) -> InvocationResponse:
        """Serve the invocation and wait for its response; raises the ApiError that `invoke` refuses with."""
        responded: asyncio.Future[InvocationResponse] = asyncio.get_running_loop().create_future()
        invocation.on_response = partial(_set_response, responded)
        self.invoke(invocation, partial(_set_error, responded), patient=patient, until=until)
        return await responded

    def queue(self, invocation: Invocation) -> None:
        """Accept an asynchronous invocation, which waits as long as it may.

        Raises Throttled when too many wait, and ApiError for one without the tenant that it needs.
        """
        if (invocation.tenant_id is not None) != self.function.tenant_isolation:
            raise _wrong_tenant(self.function.tenant_isolation)
        if self._starts_execution(invocation):
            assert self.durable is not None
            self.durable.start(self, invocation, queued=True)
        else:
            self.asynchronous.queue(invocation)

    def renew(self, function: FunctionConfig, when_ended: Callable[[], None]) -> None:
        """Serve `function` from now on, in new environments.

        The old environments are shut down as soon as they are idle; `when_ended` is called after the last of them.
        """
        self.function = function
        old, self.environments, self._idle = self.environments, [], []
        left = set(old)

        def ended(environment: ExecutionEnvironment) -> None:
            left.discard(environment)
            if not left:
                all_ended()

        def all_ended() -> None:
            if self.snapshots is not None:
                self._ending = asyncio.ensure_future(self.snapshots.end_old())
            when_ended()

        self._leaving.update(old)
        for environment in old:
            self._end_when_free(environment, ended)
        if self._provisioned is not None:
            self.provision(*self._provisioned)
        if self.snapshots is not None:
            self.snapshots.renew()
        if not old:
            all_ended()

    def retire(self, environment: ExecutionEnvironment) -> bool:
        """Shut down one environment as soon as it is idle; False if it is not in the pool, or no longer."""
        if environment not in self.environments:
            return False
        self.environments.remove(environment)
        if environment in self._idle:
            self._idle.remove(environment)
        self._leaving.add(environment)
        self._end_when_free(environment, lambda environment: None)
        return True

    def _end_when_free(
        self, environment: ExecutionEnvironment, when_ended: Callable[[ExecutionEnvironment], None]
    ) -> None:
        environment.on_free = partial(self._end, when_ended=when_ended)
        if environment.free:
            self._end(environment, when_ended)

    async def finish(self) -> None:
        """Wait until no request is in progress; drop and name asynchronous invocations that wait for a next attempt."""
        self._finished = asyncio.get_running_loop().create_future()
        await asyncio.sleep(0)  # let what has just been queued begin
        if self._busy():
            await self._finished
        await asyncio.sleep(0)  # let what has just succeeded complete
        await self.asynchronous.finish()

    async def shutdown(self) -> None:
        """Shut down all environments at the same time."""
        for timer in (self._timer, self._idle_timer):
            if timer is not None:
                timer.cancel()
        terminated = []
        ending = [*self.environments, *self._leaving]
        for environment in ending:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            terminated.append(future)
            environment.on_free = lambda environment: None
            environment.shutdown(partial(future.set_result, None))
        await asyncio.gather(*terminated)
        for environment in (*self.environments, *self._leaving):
            self._discard(environment)
        if self.snapshots is not None:
            await self.snapshots.close()

    def _starts_execution(self, invocation: Invocation) -> bool:
        return self.durable is not None and self.function.durable is not None and not invocation.replay

    def _start_environment(self, caller: _Caller) -> bool:
        """Serve the caller on a new environment; if that is impossible, refuse the caller and return False."""
        try:
            environment = self._create()
        except Exception as error:  # no descriptors, no space, a bug: it may work for the next caller
            self._refuse(caller, error)
            return False
        self._fault = ""
        environment.tenant_id = caller.invocation.tenant_id
        environment.on_free = self._freed
        self.environments.append(environment)
        return self._give(environment, caller)

    def _give(self, environment: ExecutionEnvironment, caller: _Caller) -> bool:
        try:
            environment.invoke(caller.invocation)
        except Exception as error:  # its processes cannot be started, for the next caller either
            caller.invocation.on_response = lambda invocation, response: None
            self.environments.remove(environment)
            self._end(environment, lambda environment: None)
            self._refuse(caller, error)
            return False
        return True

    def _end(self, environment: ExecutionEnvironment, when_ended: Callable[[ExecutionEnvironment], None]) -> None:
        """Shut down an environment that is no longer in the pool."""

        def ended() -> None:
            self._leaving.discard(environment)
            self._discard(environment)
            self._look_whether_finished()
            when_ended(environment)

        self._leaving.add(environment)
        self._idle_since.pop(environment, None)
        environment.on_free = lambda environment: None
        environment.shutdown(ended)

    def _refuse(self, caller: _Caller, error: Exception) -> None:
        if isinstance(error, ApiError):  # of a function that cannot be started
            caller.on_refused(error)
            self._look_whether_finished()
            return
        reason = str(error) or type(error).__name__
        if reason != self._fault:
            self._fault = reason
            self._notice(f"no environment for {self.function.name}: {reason}")
        text = f"The execution environment could not be created: {reason}"
        caller.on_refused(Unavailable(text))
        self._look_whether_finished()

    def _throttle(self, caller: _Caller) -> None:
        reserved = self.function.reserved_concurrency is not None
        limit = "ReservedFunctionConcurrentInvocationLimitExceeded" if reserved else "ConcurrentInvocationLimitExceeded"
        caller.on_refused(Throttled(limit))

    def _take_idle(self, tenant_id: str | None) -> ExecutionEnvironment | None:
        """An idle environment of the tenant, or of everyone."""
        if tenant_id is None:
            return self._idle.pop()
        for environment in reversed(self._idle):
            if environment.tenant_id in (tenant_id, None):  # None: it has not served anyone yet
                self._idle.remove(environment)
                environment.tenant_id = tenant_id
                return environment
        return None

    def _replace(self, environment: ExecutionEnvironment, caller: _Caller) -> None:
        """End an idle environment of another tenant, and serve the caller on a new one."""
        self.environments.remove(environment)
        self._end(environment, lambda environment: None)
        self._start_environment(caller)

    def _freed(self, environment: ExecutionEnvironment) -> None:
        if self._waiting:
            if environment.tenant_id is None:
                self._give(environment, self._waiting.popleft())
                return
            own = [caller for caller in self._waiting if caller.invocation.tenant_id == environment.tenant_id]
            caller = (own or self._waiting)[0]
            self._waiting.remove(caller)
            if own:
                self._give(environment, caller)
            else:
                self._replace(environment, caller)
            return
        if environment not in self._idle:  # it is still there if its runtime died while it was idle
            place = len(self._idle)
            if not _is_provisioned(environment):
                while place and _is_provisioned(self._idle[place - 1]):
                    place -= 1
            self._idle.insert(place, environment)
        if self._idle_seconds is not None:
            self._idle_since[environment] = perf_counter()
            if self._idle_timer is None:
                self._idle_timer = asyncio.get_running_loop().call_later(self._idle_seconds, self._end_idle)
        self._look_whether_finished()

    def _end_idle(self) -> None:
        """Shut down the environments that have been idle for long enough, and look again when the next one will be."""
        assert self._idle_seconds is not None
        self._idle_timer = None
        now = perf_counter()
        for environment in [
            each for each in self._mortal() if now - self._idle_since[each] >= self._idle_seconds * 0.99
        ]:
            self._idle.remove(environment)
            self.environments.remove(environment)
            self._notice(f"an environment of {self.function.name} ends: it was idle for {self._idle_seconds:g} s")
            self._end(environment, lambda environment: None)
        if mortal := self._mortal():
            oldest = min(self._idle_since[each] for each in mortal)
            left = max(self._idle_seconds - (now - oldest), 0.0)
            self._idle_timer = asyncio.get_running_loop().call_later(left, self._end_idle)

    def _mortal(self) -> list[ExecutionEnvironment]:
        """The idle environments that end when they have been idle for long enough."""
        return [each for each in self._idle if not _is_provisioned(each)]

    def _look_whether_finished(self) -> None:
        if self._finished is not None and not self._finished.done() and not self._busy():
            self._finished.set_result(None)

    def _busy(self) -> bool:
        environments = (*self.environments, *self._leaving)
        waiting = bool(self._waiting) and self.limit > 0  # without concurrency they wait forever
        return waiting or any(environment.current is not None for environment in environments)

    def _finishing(self, tenant_id: str | None = None) -> int:
        """How many environments will soon be free, for a tenant if there is one."""
        return sum(
            environment.responded and tenant_id in (None, environment.tenant_id) for environment in self.environments
        )

    def _arm(self, seconds: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self._place_waiting)

    def _place_waiting(self) -> None:
        """Give callers that waited long enough a new environment, or throttle them if no request is about to finish."""
        self._timer = None
        now = perf_counter()
        patient: deque[_Caller] = deque()
        soon = self._finishing()
        waiting, self._waiting = self._waiting, deque()
        for caller in waiting:
            if now - caller.invocation.waiting_since < PLACEMENT_SECONDS * 0.99:
                patient.append(caller)
            elif len(self.environments) < self.limit:
                self._start_environment(caller)
            elif now < caller.until and (caller.patient or self.debugged or len(patient) < soon):
                patient.append(caller)
            else:
                self._throttle(caller)
        self._waiting.extendleft(reversed(patient))
        self._look_whether_finished()
        if patient:
            oldest = min(caller.invocation.waiting_since for caller in patient)
            self._arm(max(PLACEMENT_SECONDS - (now - oldest), PLACEMENT_SECONDS / 4))


def _wrong_tenant(isolated: bool) -> ApiError:
    """The service's error for an invocation without the tenant that it needs, or with one for nothing."""
    if isolated:
        text = "enabled with tenancy configuration. Add a valid tenant ID in your request and try again."
    else:
        text = "not enabled with tenancy configuration. Remove the tenant ID from your request and try again."
    return ApiError(400, "InvalidParameterValueException", f"The invoked function is {text}")


def _set_response(responded: asyncio.Future[InvocationResponse], _: Invocation, response: InvocationResponse) -> None:
    if not responded.done():
        responded.set_result(response)


def _set_error(responded: asyncio.Future[InvocationResponse], error: ApiError) -> None:
    if not responded.done():
        responded.set_exception(error)


def _is_provisioned(environment: ExecutionEnvironment) -> bool:
    return environment.function.initialization_type == PROVISIONED
