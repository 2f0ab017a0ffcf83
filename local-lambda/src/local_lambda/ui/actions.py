"""The buttons that act on environments. Each is a verb of the environment or of its pool."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from local_lambda.errors import ApiError
from local_lambda.ui.states import SNAPSHOT

if TYPE_CHECKING:
    from local_lambda.environment.environment import ExecutionEnvironment
    from local_lambda.service.pool import EnvironmentPool
    from local_lambda.ui.journal import Journal


class Actions:
    """Acts on the environments of `pools`; `journal` has them by their number."""

    def __init__(self, pools: Iterable[EnvironmentPool], journal: Journal) -> None:
        self._pools = list(pools)
        self._journal = journal
        self.on_environment: Mapping[str, Callable[[int], None]] = {
            "freeze": self._freeze,
            "thaw": self._thaw,
            "kill": self._kill,
            "shutdown": self._shutdown,
        }

    def end_all(self, function: str) -> None:
        """Let a function's environments end as soon as they are idle, so that its next invocation is a cold start."""
        pools = [pool for pool in self._pools if pool.function.name == function]
        if not pools:
            raise ApiError(404, "NotFound", f"There is no function {function}")
        for pool in pools:
            pool.renew(pool.function, lambda: None)

    def _freeze(self, number: int) -> None:
        if not self._find(number).freeze():
            raise _conflict(number, "be frozen: only one that is idle can")

    def _thaw(self, number: int) -> None:
        if not self._find(number).thaw():
            raise _conflict(number, "be thawed: it is not frozen")

    def _kill(self, number: int) -> None:
        if not self._find(number).kill_runtime():
            raise _conflict(number, "lose its runtime: none is running")

    def _shutdown(self, number: int) -> None:
        environment = self._find(number)
        if not any(pool.retire(environment) for pool in self._pools):
            raise _conflict(number, "be shut down: it is not one of the template's functions, or already ends")

    def _find(self, number: int) -> ExecutionEnvironment:
        environment = self._journal.environments.get(number)
        if environment is None:
            raise ApiError(404, "NotFound", f"There is no environment {number}, or it has ended")
        if self._journal.histories[number].reader.state == SNAPSHOT:
            raise _conflict(number, "be changed: it is a snapshot, from which others are restored")
        return environment


def _conflict(number: int, what: str) -> ApiError:
    return ApiError(409, "Conflict", f"Environment {number} cannot {what}")
