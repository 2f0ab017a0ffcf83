"""A process for whose output there are no descriptors left: a launch that fails like any other, and leaks nothing."""

from __future__ import annotations

import asyncio
import errno
import os
import socket

import pytest

from local_lambda.processes.group import ProcessGroup
from local_lambda.processes.process import Process


@pytest.fixture
def one_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second pipe cannot be opened."""
    real, opened = os.pipe, [0]

    def pipe() -> tuple[int, int]:
        opened[0] += 1
        if opened[0] > 1:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return real()

    monkeypatch.setattr(os, "pipe", pipe)


def open_descriptors() -> int:
    """How many there are."""
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.usefixtures("one_pipe")
def test_spawn_without_descriptors_is_reported_as_a_failed_launch() -> None:
    """Through `on_exit`, where the environment makes an error for its caller of it."""

    async def scenario() -> Process:
        ours, theirs = socket.socketpair()
        group = ProcessGroup(lambda: ours)
        group.attach(asyncio.get_running_loop())
        before = open_descriptors()
        process = group.spawn("runtime", ["python"], {}, "/")
        ended: asyncio.Future[Process] = asyncio.get_running_loop().create_future()
        process.connect(lambda line, written: None, ended.set_result)
        async with asyncio.timeout(10):
            await ended
        assert open_descriptors() == before
        group.close()
        theirs.close()
        return process

    process = asyncio.run(scenario())
    assert process.launch_error == (errno.EMFILE, os.strerror(errno.EMFILE))
    assert process.exit_code == 127


@pytest.mark.usefixtures("one_pipe")
def test_spawn_without_descriptors_before_there_is_a_loop_raises() -> None:
    """A command then ends with one line."""
    ours, theirs = socket.socketpair()
    group = ProcessGroup(lambda: ours)
    before = open_descriptors()
    with pytest.raises(OSError, match="Too many open files"):
        group.spawn("runtime", ["python"], {}, "/")
    assert open_descriptors() == before
    group.close()
    theirs.close()
