"""Kills at random moments, of everything the tool has started: no process is left behind, and the tool serves on."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from attacks.conftest import VICTIMS, Figure, Rounds
from attacks.counting import descriptors, running, settles
from attacks.mortal import ERROR, Mortal, started
from conftest import MakeProject
from support.tool import Project
from support.watching import on_machine

AT_ONCE = 3
GONE_SECONDS = 5.0
"""Within a second on a quiet machine."""
BUDGET_SECONDS = 10.0
"""More than the longest shutdown of an environment without extensions takes."""
RECOVERY = 20
"""Invocations after which everything that was killed has been noticed and replaced."""


@pytest.fixture
def victims(make_project: MakeProject) -> Project:
    """Functions that can be killed, and one that kills."""
    names = ("echo", "slow", "pids", "murder")
    return make_project(
        None, **{name.title(): {"Handler": f"victim.{name}", "CodeUri": str(VICTIMS)} for name in names}
    )


def test_processes_when_a_supervisor_is_killed(victims: Project, rounds: Rounds, figure: Figure) -> None:
    """All that its environment had started end within a second."""
    left, count = 0.0, rounds(2)
    for _ in range(count):
        with started(victims) as tool:
            family = on_machine(tool.invoke("Pids", {"children": 5}).json, tool.process.pid)
            tool.look()
            os.kill(tool.supervisors[0], signal.SIGKILL)
            left += settles(
                lambda family=family, tool=tool: len(tool.seen.intersection(family)) and tool.left() - 1,
                0,
                GONE_SECONDS,
            )
    figure(f"processes left of {6 * count} when {count} supervisors were killed", int(left))
    assert left == 0


def test_invocations_when_a_supervisor_is_killed(victims: Project, figure: Figure) -> None:
    """The environment is replaced, so those who come afterwards are served."""
    with started(victims, "--max-environments", "1") as tool:
        tool.fails("Pids")
        os.kill(tool.supervisors[0], signal.SIGKILL)
        failed = [tool.fails("Pids") for _ in range(RECOVERY)]
    figure(f"of {RECOVERY} invocations behind a killed supervisor that failed", sum(failed))
    assert not any(failed[1:])


def test_invocations_when_a_function_kills_its_supervisor(victims: Project, figure: Figure) -> None:
    """No other fails."""
    with started(victims, "--max-environments", "1") as tool:
        failed = []
        for _ in range(3):
            tool.fails("Murder", {"kill": True})  # in a sandbox it has not even hurt itself
            failed += [tool.fails("Murder", {"kill": False}) for _ in range(5)]
    figure(f"of {len(failed)} invocations behind functions that kill their supervisor that failed", sum(failed))
    assert not any(failed)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["sigterm", "sigkill"])
def test_processes_when_the_tool_ends_behind_a_killed_supervisor(victims: Project, number: signal.Signals) -> None:
    """No process outlives the tool."""
    with started(victims) as tool:
        tool.fails("Pids", {"children": 5})
        os.kill(tool.supervisors[0], signal.SIGKILL)
        tool.process.send_signal(number)
        tool.process.wait(BUDGET_SECONDS)
        assert settles(tool.left, 0, GONE_SECONDS) == 0


def test_invocations_when_the_zygote_is_killed(victims: Project, tmp_path: Path) -> None:
    """It is started again; what it had to remove is finally removed."""
    with started(victims, "--max-environments", "1", variables={"TMPDIR": str(tmp_path)}) as tool:
        assert not tool.fails("Echo")
        os.kill(tool.zygote, signal.SIGKILL)
        assert [tool.fails("Echo") for _ in range(RECOVERY)][1:] == [False] * (RECOVERY - 1)
        assert not tool.fails("Pids")
        tool.process.send_signal(signal.SIGTERM)
        assert tool.process.wait(BUDGET_SECONDS) == 0
        assert settles(tool.left, 0, GONE_SECONDS) == 0
        assert settles(lambda: len(list(tmp_path.iterdir())), 0) == 0


def test_end_of_the_tool_when_a_supervisor_is_stopped(victims: Project) -> None:
    """SIGSTOP keeps nothing alive beyond the time a shutdown may take."""
    with started(victims) as tool:
        tool.fails("Pids", {"children": 1})
        os.kill(tool.supervisors[0], signal.SIGSTOP)
        tool.process.send_signal(signal.SIGTERM)
        tool.process.wait(BUDGET_SECONDS)
        assert settles(tool.left, 0, GONE_SECONDS) == 0


def test_descriptors_when_idle_runtimes_are_killed(victims: Project, rounds: Rounds, figure: Figure) -> None:
    """The next invocation starts another runtime; nothing of the old one stays open."""
    count = rounds(6)
    with started(victims, "--max-environments", "1") as tool:
        before = 0
        for number in range(count + 1):
            while ERROR in (reply := tool.invoke("Pids")).headers:  # the death had not been noticed
                pass
            if number == 0:
                before = descriptors(tool.process.pid)
            if number < count:
                (pid, *_) = on_machine(reply.json, tool.process.pid)
                os.kill(pid, signal.SIGKILL)
                settles(lambda pid=pid: len(running([pid])), 0)  # type: ignore[misc]
        after = settles(lambda: descriptors(tool.process.pid), before + 1)
    figure(f"descriptors more after {count} runtimes were killed while idle", after - before)
    assert after <= before + 1


Targets = Callable[[Mortal], list[int]]


def runtimes(tool: Mortal) -> list[int]:
    """What functions run, and have started."""
    return [pid for pid in tool.look() if pid not in {tool.zygote, *tool.supervisors}]


def supervisors(tool: Mortal) -> list[int]:
    """The helpers of the environments."""
    return tool.supervisors


def anything(tool: Mortal) -> list[int]:
    """Every process of the tool but itself, its helpers more often than others."""
    return [*[tool.zygote] * 2, *tool.supervisors * 2, *runtimes(tool)]


def attack(tool: Mortal, targets: Targets, chance: random.Random) -> list[bool]:
    """Kill one of the targets at a random moment while callers call; which of the calls failed."""
    with ThreadPoolExecutor(AT_ONCE + 1) as callers:
        replies = [callers.submit(tool.fails, "Pids", {"children": 1}) for _ in range(AT_ONCE)]
        slow = callers.submit(tool.fails, "Slow", {"seconds": 0.03})
        for _ in range(chance.randrange(5)):
            tool.look()
        with suppress(OSError, IndexError, ValueError):  # gone already, or the zygote is being started again
            os.kill(chance.choice(targets(tool)), signal.SIGKILL)
        return [reply.result() for reply in (*replies, slow)]


@pytest.mark.parametrize(
    "targets",
    [runtimes, supervisors, anything],
    ids=lambda targets: targets.__name__,
)
def test_processes_when_killed_at_random(
    victims: Project, targets: Targets, rounds: Rounds, chance: random.Random, figure: Figure
) -> None:
    """Afterwards the tool serves everyone again, has no more descriptors, and leaves no process behind."""
    count, what = rounds(8), targets.__name__
    with started(victims, "--max-environments", str(AT_ONCE)) as tool:
        with ThreadPoolExecutor(AT_ONCE) as callers:
            list(callers.map(lambda _: tool.fails("Slow", {"seconds": 0.2}), range(AT_ONCE)))
            list(callers.map(lambda _: tool.fails("Pids"), range(AT_ONCE)))
        before = descriptors(tool.process.pid)
        failed = [failed for _ in range(count) for failed in attack(tool, targets, chance)]
        served = [tool.fails("Pids") for _ in range(RECOVERY)][-AT_ONCE:]
        served.append(tool.fails("Echo"))  # in a new environment
        after = settles(lambda: descriptors(tool.process.pid), before + AT_ONCE, 1)
        tool.process.send_signal(signal.SIGTERM)
        tool.process.wait(BUDGET_SECONDS)
        left = settles(tool.left, 0, GONE_SECONDS)
    figure(f"processes left of {len(tool.seen)} after {count} kills of {what} and the end of the tool", left)
    figure(f"of {len(failed)} invocations during {count} kills of {what} that failed", sum(failed))
    figure(f"descriptors more after {count} kills of {what}", after - before)
    assert left == 0
    assert not any(served)
    assert after <= before + count // 2 + AT_ONCE


CRASH = """
import os

def handler(event, context):
    if event == "crash":
        os._exit(1)
    return event
"""


def test_descriptors_when_functions_with_an_extension_crash(
    extend: MakeProject, rounds: Rounds, figure: Figure
) -> None:
    """The extension is started again with the runtime; the old one leaves nothing open."""
    count = rounds(8)
    with started(extend({"one": None}, CRASH), "--max-environments", "1") as tool:
        for _ in range(2):
            tool.fails("Hello", "crash")
            assert not tool.fails("Hello", "fine")
        before = descriptors(tool.process.pid)
        for _ in range(count):
            tool.fails("Hello", "crash")
            assert not tool.fails("Hello", "fine")
        after = settles(lambda: descriptors(tool.process.pid), before + 1)
    figure(f"descriptors more after {count} crashes of a function with an extension", after - before)
    assert after <= before + 1
