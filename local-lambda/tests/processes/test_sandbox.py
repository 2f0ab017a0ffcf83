"""What only the processes of a sandboxed environment see."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_lambda.functions.interpreter import Interpreter
from local_lambda.processes.programs import sandbox
from local_lambda.processes.programs.supervisor import children
from local_lambda.processes.sandbox_specification import locations, spec
from local_lambda.processes.zygote import Zygote
from support.free_ports import free_port
from support.sandboxed import DEADLINE_SECONDS, IMPOSSIBLE, NO_SANDBOX, SCRIPT, SOURCE, TOOLS, Sandboxed, shell
from support.watching import on_machine

NOBODY = 65534
FORBID = """
import os, sys
from local_lambda.processes.programs import sandbox
user = os.getuid()
sandbox._call("unshare", sandbox.CLONE_NEWUSER)
for name, text in ("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{os.getgid()} {os.getgid()} 1"):
    open(f"/proc/self/{name}", "w").write(text)
open("/proc/sys/user/max_user_namespaces", "w").write("0")
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""
"""Runs the rest of the command line where no user namespace can be made."""
ASK = """
from local_lambda.processes.programs import sandbox
sandbox._unshare()
sandbox._call("mount", None, "/", None, sandbox.MS_REC | sandbox.MS_SLAVE, None)
"""
"""Ends well where a user may have private mounts."""
SERVE = """
import socket, sys
with socket.create_server(("sandbox.localdomain", int(sys.argv[1]))) as server:
    print("listening", flush=True)
    connection, _ = server.accept()
    connection.sendall(open("/opt/name", "rb").read())
"""


WITH_PYTHON = pytest.mark.parametrize("sandboxed", [TOOLS], indirect=True, ids=["with Python"])
pytestmark = pytest.mark.skipif(IMPOSSIBLE is not None, reason=f"the sandbox {IMPOSSIBLE}")


@pytest.fixture(scope="module")
def zygote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zygote]:
    zygote = Zygote(tmp_path_factory.mktemp("zygote") / "workspace")
    yield zygote
    zygote.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder whose name is not the simplest."""
    path = tmp_path / "a folder"
    path.mkdir()
    return path


@pytest.fixture
def sandboxed(request: pytest.FixtureRequest, zygote: Zygote, folder: Path) -> Iterator[Sandboxed]:
    """An environment that has not entered yet; `WITH_PYTHON` makes one that Python can be run in."""
    sandboxed = Sandboxed(zygote, folder, keep=getattr(request, "param", ()))
    yield sandboxed
    sandboxed.group.close()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may look into and write to."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o777)
        yield Path(name)


def python_for_everybody(user: int) -> str:
    """A Python that `user` can run the tool with: an interpreter may be in a folder that is closed to others."""
    for python in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        code = "import sys, local_lambda.processes.zygote; sys.exit(sys.version_info < (3, 11))"
        try:
            if subprocess.run([python, "-c", code], user=user, env=environment(), capture_output=True).returncode == 0:
                break
        except OSError:
            continue
    else:
        pytest.skip("needs a Python 3.11 or newer that every user may run")
    if subprocess.run([python, "-c", ASK], user=user, env=environment(), capture_output=True).returncode != 0:
        pytest.skip("needs user namespaces, which this machine refuses to users")
    return python


def environment(**variables: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(SOURCE), "PYTHONDONTWRITEBYTECODE": "1", **variables}


def mounts() -> str:
    """The mounts of the machine, without those of containers, which may come and go while these tests run."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines(keepends=True)
    return "".join(line for line in lines if "overlay" not in line and "/netns" not in line)


def test_a_process_sees_its_code_layers_and_scratch_space_when_sandboxed(sandboxed: Sandboxed) -> None:
    """They are at the paths they have on Lambda, and the machine's own are not."""
    for path in (sandboxed.task, sandboxed.opt, sandboxed.tmp):
        (path / path.name).touch()
    assert sandboxed.enter() is None
    assert shell(sandboxed, "ls /var/task /opt /tmp") == [
        "/opt:", "opt", "", "/tmp:", "tmp", "", "/var/task:", "task",
    ]  # fmt: skip


def test_opt_is_empty_when_there_are_no_layers(sandboxed: Sandboxed) -> None:
    """The machine's own /opt is not seen."""
    assert sandboxed.enter(layers=False) is None
    assert shell(sandboxed, "ls -A /opt; ! touch /opt/x 2>&1")[:-1] == []


def test_the_rest_of_the_machine_is_seen_when_sandboxed(sandboxed: Sandboxed) -> None:
    """Same folders, links and mounts as outside."""
    assert sandboxed.enter() is None
    names = {name for name in os.listdir("/") if name not in ("opt", "tmp", "var")}
    links = {name: os.readlink(f"/{name}") for name in names if os.path.islink(f"/{name}")}
    assert names <= set(shell(sandboxed, "ls -A /"))
    script = "; ".join(f"readlink /{name}" for name in sorted(links)) or ":"
    assert shell(sandboxed, script) == [links[name] for name in sorted(links)]
    assert int(shell(sandboxed, "grep -c . /proc/self/mountinfo")[0]) >= mounts().count("\n")


def test_programs_and_links_of_layers_work_when_sandboxed(sandboxed: Sandboxed) -> None:
    """The executable bit and links within /opt are those of the folder."""
    extension = sandboxed.opt / "extensions" / "one"
    extension.parent.mkdir()
    extension.write_text("#!/bin/sh\necho ran $0\n")
    extension.chmod(0o755)
    (sandboxed.opt / "link").symlink_to("/opt/extensions/one")
    assert sandboxed.enter() is None
    assert shell(sandboxed, "/opt/link; readlink /opt/link") == ["ran /opt/link", "/opt/extensions/one"]


@pytest.mark.parametrize("path", ["/var/task/new", "/opt/new", "/new"])
def test_a_process_cannot_write_to_code_and_layers(sandboxed: Sandboxed, path: str) -> None:
    """As on Lambda, only /tmp is for writing, and the machine's root is not touched."""
    assert sandboxed.enter() is None
    (line,) = shell(sandboxed, f"! touch {path} 2>&1")
    assert line.endswith("Read-only file system")


def test_files_in_tmp_belong_to_the_caller_and_stay(sandboxed: Sandboxed) -> None:
    """The process runs as the user who runs the tool, and what it leaves in /tmp is in the environment's folder."""
    assert sandboxed.enter() is None
    script = "echo kept > /tmp/file; stat -c '%u %g' /tmp/file; id -u; id -g"
    user, group = os.getuid(), os.getgid()
    assert shell(sandboxed, script) == [f"{user} {group}", str(user), str(group)]
    file = sandboxed.tmp / "file"
    assert file.read_text() == "kept\n"
    assert (file.stat().st_uid, file.stat().st_gid) == (user, group)


@WITH_PYTHON
def test_the_sandbox_names_lead_to_the_environments_address(sandboxed: Sandboxed) -> None:
    """The machine's own names are known as well."""
    assert sandboxed.enter() is None
    resolve = "import socket; print(*map(socket.gethostbyname, ('sandbox', 'sandbox.localdomain', 'localhost')))"
    assert shell(sandboxed, f'"{sys.executable}" -c "{resolve}"') == ["127.0.0.2 127.0.0.2 127.0.0.1"]


def test_hosts_keeps_other_names_when_the_machine_has_the_sandboxes_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second address of a name would be tried too."""
    lines = ["127.0.0.1 localhost sandbox # ours", "# sandbox", "10.0.0.1 sandbox.localdomain", "::1 ip6"]
    with tempfile.NamedTemporaryFile("w") as file:
        file.write("\n".join(lines))
        file.flush()
        opened = open
        monkeypatch.setattr("builtins.open", lambda path, **how: opened(file.name if path == "/etc/hosts" else path))
        hosts = sandbox._hosts("127.0.0.9")
    assert hosts.splitlines() == [
        "127.0.0.9 sandbox.localdomain sandbox",
        "127.0.0.1 localhost",
        "# sandbox",
        "::1 ip6",
    ]


def test_two_environments_use_the_same_port_at_the_same_time(zygote: Zygote, folder: Path) -> None:
    """Each has its own layers and its own sandbox.localdomain."""
    addresses = ("127.0.0.2", "127.0.0.3")
    port = free_port()

    async def main() -> list[bytes]:
        environments = [Sandboxed(zygote, folder / address, address, TOOLS) for address in addresses]
        listening = asyncio.Semaphore(0)
        for environment, address in zip(environments, addresses, strict=True):
            (environment.opt / "name").write_text(address)
            assert environment.enter() is None
            environment.output = type("Lines", (list,), {"append": lambda self, line: listening.release()})()
        ends = [environment.start(sys.executable, "-c", SERVE, str(port))[1] for environment in environments]
        for _ in addresses:
            await asyncio.wait_for(listening.acquire(), DEADLINE_SECONDS)
        answers = []
        for address in addresses:
            reader, writer = await asyncio.open_connection(address, port)
            answers.append(await reader.read())
            writer.close()
        assert await asyncio.gather(*ends) == [0, 0]
        for environment in environments:
            environment.group.close()
        return answers

    assert asyncio.run(main()) == [address.encode() for address in addresses]


def test_nothing_is_seen_outside_while_and_after_a_sandbox_is_there(sandboxed: Sandboxed) -> None:
    """No mount, no folder and no file that it was made with."""
    before, task_was_there = mounts(), os.path.lexists("/var/task")
    assert sandboxed.enter() is None
    assert shell(sandboxed, "touch /tmp/mine") == []
    assert (mounts(), os.path.lexists("/var/task")) == (before, task_was_there)
    assert os.listdir(sandboxed.tmp) == ["mine"]
    asyncio.run(sandboxed.kill_all())
    shutil.rmtree(sandboxed.tmp)
    assert mounts() == before


def test_kill_all_reaches_daemons_when_sandboxed(sandboxed: Sandboxed) -> None:
    """Namespaces do not hide processes from their supervisor."""
    assert sandboxed.enter() is None

    async def main() -> int:
        process, ended = sandboxed.start("/bin/sh", "-c", "setsid sleep 1000 & echo $! > /tmp/daemon; kill -STOP $$")
        descriptor = os.pidfd_open(*on_machine([await daemon()], os.getpid()))
        await sandboxed.kill_all()
        assert await ended == -9
        assert process.pid is not None
        return descriptor

    async def daemon() -> int:
        while not (sandboxed.tmp / "daemon").exists() or not (sandboxed.tmp / "daemon").read_text().endswith("\n"):
            await asyncio.sleep(0)
        return int((sandboxed.tmp / "daemon").read_text())

    descriptor = asyncio.run(main())
    assert has_ended(descriptor)


def has_ended(descriptor: int) -> bool:
    """Whether the process of a pidfd ends within the deadline."""
    import select

    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    try:
        return bool(poll.poll(DEADLINE_SECONDS * 1000))
    finally:
        os.close(descriptor)


def test_sandboxed_processes_end_when_the_tool_is_killed(folder: Path) -> None:
    """Even SIGKILL leaves no orphan behind."""
    fifo = folder / "tmp" / "fifo"
    fifo.parent.mkdir()
    os.mkfifo(fifo)
    command = [sys.executable, SCRIPT, folder, "/bin/sh", "-c", "echo $$ > /tmp/fifo; exec sleep 1000"]
    with subprocess.Popen(command, env=environment()) as tool:
        descriptor = os.pidfd_open(*on_machine([int(fifo.read_text())], tool.pid))
        tool.kill()
    assert has_ended(descriptor)


@pytest.mark.skipif(os.getuid() != 0, reason="the other tests run without root already")
def test_the_sandbox_needs_no_root(open_folder: Path) -> None:
    """A user without any right has it all, keeps the user id and gains no right."""
    python = python_for_everybody(NOBODY)
    script = "cd /var/task; ls -A /opt; id -u; echo x > /tmp/x; ! touch /opt/x 2>&1; ! umount /opt 2>&1; cat /etc/hosts"
    ended = subprocess.run(
        [python, SCRIPT, open_folder / "made", "/bin/sh", "-euc", script],
        user=NOBODY, group=NOBODY, extra_groups=[], env=environment(), capture_output=True, text=True,
    )  # fmt: skip
    lines = ended.stdout.splitlines()
    assert (ended.returncode, ended.stderr) == (0, "")
    assert lines[0] == str(NOBODY)
    assert lines[1].endswith("Read-only file system")
    assert "127.0.0.2 sandbox.localdomain sandbox" in lines
    assert (open_folder / "made" / "tmp" / "x").stat().st_uid == NOBODY


def test_a_folder_below_tmp_is_kept_when_asked(zygote: Zygote, open_folder: Path) -> None:
    """An interpreter or the tool itself may be in /tmp; a link stays a link."""
    needed = Path(tempfile.mkdtemp(dir="/tmp"))
    try:
        (needed / "installation").mkdir()
        (needed / "installation" / "python").write_text("it\n")
        (needed / "link").symlink_to("installation")
        keep = locations(needed / "link")
        sandboxed = Sandboxed(zygote, open_folder / "a folder", keep=keep)
        for _ in range(2):  # the second as after a reset: the folder for /tmp has been used before
            assert sandboxed.enter() is None
            script = f"cat {needed}/link/python; readlink {needed}/link; ! touch {needed}/link/new; ! touch /tmp/a/b"
            assert shell(sandboxed, f"({script}) 2>/dev/null; touch /tmp/new") == ["it", "installation"]
            sandboxed.group.close()
            sandboxed = Sandboxed(zygote, open_folder / "a folder", keep=keep)
        sandboxed.group.close()
        assert os.listdir(needed / "installation") == ["python"]
    finally:
        shutil.rmtree(needed)


@pytest.fixture
def machine(sandboxed: Sandboxed) -> Sandboxed:
    """A machine that has a Python in /opt: a sandbox, in which the tool runs again."""
    (sandboxed.opt / "python" / "3.x" / "bin").mkdir(parents=True)
    (sandboxed.opt / "python" / "3.x" / "bin" / "python").write_text("#!/bin/sh\necho $0\n")
    (sandboxed.opt / "python" / "3.x" / "bin" / "python").chmod(0o755)
    (sandboxed.opt / "link").symlink_to("python/3.x")
    (sandboxed.opt / "other").mkdir()
    assert sandboxed.enter() is None
    return sandboxed


def inside(keep: str, layer: str, command: str) -> str:
    """A script that makes a layer and runs a command in a sandbox with it."""
    return (
        f"mkdir -p {layer}; echo layer > {layer}/file; export PYTHONPATH='{SOURCE}'; export KEEP='{keep}';"
        f"'{sys.executable}' '{SCRIPT}' /tmp/made /bin/sh -c '{command}' || echo status $?"
    )


@WITH_PYTHON
def test_a_folder_below_opt_is_kept_beside_the_layers_when_asked(machine: Sandboxed) -> None:
    """The layer's own folder of the same name is seen as well, and nothing is made in the layer."""
    keep = "/opt/python/3.x /opt/link"
    command = (
        "/opt/python/3.x/bin/python; /opt/link/bin/python; cat /opt/python/file; ls /opt; ! touch /opt/python/x 2>&-"
    )
    lines = shell(machine, f"({inside(keep, '/tmp/made/opt/python', command)}) 2>/dev/null")
    assert lines == ["/opt/python/3.x/bin/python", "/opt/link/bin/python", "layer", "link", "python"]
    assert os.listdir(machine.tmp / "made" / "opt" / "python") == ["file"]


@WITH_PYTHON
def test_the_sandbox_is_refused_when_a_layer_covers_what_is_needed(machine: Sandboxed) -> None:
    """Either of the two would be missed without a word."""
    assert shell(machine, inside("/opt/python/3.x", "/tmp/made/opt/python/3.x", "true")) == [
        "/opt/python/3.x: needed at this very place by the function's Python or this tool",
        f"status {NO_SANDBOX}",
    ]


@pytest.mark.parametrize("name", ["unshare", "mount", "pivot_root", "umount2"])
def test_nothing_has_changed_when_the_machine_refuses(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    """Whatever the step, the reason is one line and the process continues as before."""
    call = sandbox._call

    def refuse(called: str, *arguments: object) -> None:
        if called == name:
            raise PermissionError(1, "Operation not permitted", called)
        call(called, *arguments)

    def state() -> tuple[object, ...]:
        return mounts(), os.readlink("/proc/self/ns/mnt"), os.readlink("/proc/self/ns/user"), children(), os.getcwd()

    monkeypatch.setattr(sandbox, "_call", refuse)
    before = state()
    path = str(tmp_path)
    folders = {"task": path, "opt": None, "runtime": path, "tmp": path, "tmp_mb": None}
    reason = sandbox.enter({**folders, "hosts": "127.0.0.2", "keep": [], "hidden": []})
    assert isinstance(reason, str)
    assert reason.startswith(f"{name}: Operation not permitted")
    assert "\n" not in reason
    assert state() == before
    assert os.listdir(tmp_path) == []


def test_the_reason_names_the_setting_when_user_namespaces_are_switched_off(open_folder: Path) -> None:
    """A message tells the user what to look for."""
    user = os.getuid() or NOBODY
    python = python_for_everybody(user) if os.getuid() == 0 else sys.executable
    ended = subprocess.run(
        [python, "-c", FORBID, SCRIPT, open_folder / "made", "true"],
        **({"user": user, "group": user, "extra_groups": []} if os.getuid() == 0 else {}),
        env=environment(), capture_output=True, text=True,
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (NO_SANDBOX, "")
    assert ended.stdout == "unshare: No space left on device (user.max_user_namespaces is 0)\n"


def test_processes_see_the_machine_when_there_is_no_sandbox(sandboxed: Sandboxed) -> None:
    """The reason is returned, and the group continues without a sandbox."""
    sandboxed.task.rmdir()
    assert sandboxed.enter() == f"mount {sandboxed.task} {sandboxed.tmp}.root/var/task: No such file or directory"
    assert shell(sandboxed, "echo going on; readlink /proc/self/ns/mnt") == [
        "going on",
        os.readlink("/proc/self/ns/mnt"),
    ]


def test_enter_sandbox_says_so_when_the_supervisor_is_gone(zygote: Zygote) -> None:
    """The caller continues, and learns the reason from its first spawn."""
    group = zygote.open()
    assert group._control is not None
    group._control.shutdown(socket.SHUT_RDWR)
    assert group.enter_sandbox({}) == "the supervisor is gone"
    group.close()


def test_locations_names_every_link_on_the_way(tmp_path: Path) -> None:
    """Each of them has to be kept, or the way is interrupted."""
    base = Path(os.path.realpath(tmp_path))
    (base / "real" / "bin").mkdir(parents=True)
    (base / "real" / "bin" / "python3").touch()
    (base / "real" / "bin" / "python").symlink_to("python3")
    (base / "latest").symlink_to(base / "real")
    (base / "near").symlink_to("../" + base.name + "/latest")
    assert locations(base / "near" / "bin" / "python") == [
        f"{base}/near", f"{base}/latest", f"{base}/real/bin/python", f"{base}/real/bin/python3",
    ]  # fmt: skip
    (base / "loop").symlink_to("loop")
    assert f"{base}/loop" in locations(base / "loop")


def test_spec_keeps_a_virtual_environment_and_its_base(tmp_path: Path) -> None:
    """With a copied python nothing but pyvenv.cfg tells where the base is."""
    base = Path(os.path.realpath(tmp_path))
    python = base / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    (base / "venv" / "pyvenv.cfg").write_text(f"home = {base}/installation/bin\n")
    (base / "installation").mkdir()
    wanted = spec(base / "code", None, base / "tmp", 512, "127.0.0.2", (Interpreter(python, "3.11.1"),))
    assert {f"{base}/venv", f"{base}/installation", str(Path(sandbox.__file__).parent)} <= set(wanted["keep"])
    assert (wanted["task"], wanted["opt"], wanted["hosts"]) == (f"{base}/code", None, "127.0.0.2")


def test_spec_keeps_packages_in_editable_mode(tmp_path: Path) -> None:
    """They are not in the virtual environment; a line of a `.pth` file there says where."""
    base = tmp_path.resolve()
    source, packages = base / "source", base / "venv/lib/python3.11/site-packages"
    for folder in (source, packages, base / "venv/bin"):
        folder.mkdir(parents=True)
    (base / "venv/pyvenv.cfg").write_text("home = /usr/bin\n")
    (packages / "editable.pth").write_text(f"import os; os.getpid()\n{source}\n{base}/gone\n")
    interpreter = Interpreter(base / "venv/bin/python", "3.11")
    wanted = spec(base, None, base, 512, "127.0.0.2", [interpreter])
    assert str(source) in wanted["keep"]
    assert f"{base}/gone" not in wanted["keep"]
