"""A view of the file system in which code, layers and scratch space are where Lambda has them. Linux only.

A supervisor that continues in it sees its environment's `/var/task`, `/opt`, `/var/runtime` and `/tmp`, an `/etc/hosts`
with the names `sandbox` and `sandbox.localdomain`, an `/etc/passwd` in which the user has the name and the home folder
of Lambda's, the devices that Lambda has, only its own processes, and the rest of the machine's files. So do the
processes it starts; no other process does. Without root this takes a user namespace (user_namespaces(7)), which keeps
the caller's user and group. Lambda's directories:
https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html.

`supervisor.py` loads this file, so it must not import anything from the package. `sandbox_specification.py` decides
what the description of the view contains.
"""

from __future__ import annotations

import ctypes
import errno
import marshal
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID = 0x20000, 0x10000000, 0x20000000
MNT_DETACH = 2
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8  # statvfs(3) has the same bits
MS_REMOUNT, MS_BIND, MS_REC = 1 << 5, 1 << 12, 1 << 14
MS_UNBINDABLE, MS_PRIVATE, MS_SLAVE = 1 << 17, 1 << 18, 1 << 19

USER = "sbx_user1051"
DEVICES = (
    "console",
    "fd",
    "full",
    "null",
    "ptmx",
    "pts",
    "random",
    "stderr",
    "stdin",
    "stdout",
    "tty",
    "urandom",
    "zero",
)
"""What is left of `/dev`: there is no `/dev/shm` on Lambda."""
HOST_NAMES = ("sandbox.localdomain", "sandbox")
SWITCHES = (
    ("user/max_user_namespaces", "0"),
    ("kernel/unprivileged_userns_clone", "0"),
    ("kernel/apparmor_restrict_unprivileged_userns", "1"),
)
"""Settings (sysctl) that forbid user namespaces, with the values that do."""

_libc = ctypes.CDLL(None, use_errno=True)


def enter(spec: dict[str, Any]) -> str | int:
    """Fork a process into the view that `spec` describes. Returns twice, as fork(2) does.

    In the new process it returns 0; that process is the first of a process namespace if the machine grants one. In the
    caller, which is unchanged, it returns the new process's id, or a reason in one line if there cannot be a view.

    `task`, `opt` (or None), `runtime` and `tmp` are the folders that appear at `/var/task`, `/opt`, `/var/runtime` and
    `/tmp`; the last is a file system of `tmp_mb` MB in memory, unless that is None. `hosts` is the address of the
    sandbox's host names. `keep` are paths that stay visible where they are, even below one of those folders. `hidden`
    are folders that appear empty, except for those paths.
    """
    entered = _fork_inside(spec, contained=True)
    if isinstance(entered, str) and entered.startswith(("unshare: ", "mount proc /proc proc: ")):
        # A machine that grants a view may refuse a process namespace or its /proc. Containers do so if parts of their
        # /proc are covered. The view alone is better than nothing.
        entered = _fork_inside(spec, contained=False)
    return entered


def _fork_inside(spec: dict[str, Any], contained: bool) -> str | int:
    root = f"{spec['tmp']}.root"
    answers, answer = os.pipe()
    # A different process creates the namespaces, and its child builds the view: a machine may refuse at any step
    # (Ubuntu's AppArmor does after it has granted namespaces), and a process that is halfway inside cannot go back.
    maker = os.fork()
    if maker == 0:
        os.close(answers)
        if _fork_first(spec, root, answer, contained):
            return 0
    os.close(answer)
    told = b""
    while chunk := os.read(answers, 65536):  # ends when the maker has ended and the first process is inside or gone
        told += chunk
    os.close(answers)
    os.waitpid(maker, 0)
    if os.path.isdir(root):
        os.rmdir(root)  # no longer mounted: in the view it has become /
    reason, first = marshal.loads(told) if told else ("the process that prepares it was killed", 0)
    if reason is None:
        return int(first)
    try:
        if first:
            os.waitpid(first, 0)  # it became a child of this process, the subreaper, when the maker ended
    except ChildProcessError:
        pass
    return str(reason)


def _fork_first(spec: dict[str, Any], root: str, answer: int, contained: bool) -> bool:
    """In the maker: create the namespaces and fork the process to be inside. Returns in that process, once inside."""
    try:
        os.umask(0o022)
        os.makedirs(root, exist_ok=True)
        _unshare(CLONE_NEWPID if contained else 0)
        inside, ready = os.pipe()
        first = os.fork()
    except Exception as error:
        os.write(answer, marshal.dumps((_reason(error), 0)))
        os._exit(0)
    if first:
        os.close(ready)
        told = os.read(inside, 65536)
        os.write(answer, marshal.dumps((marshal.loads(told) if told else "the first process was killed", first)))
        os._exit(0)
    os.close(answer)
    os.close(inside)
    try:
        _build(spec, root, contained)
        reason = None
    except Exception as error:
        reason = _reason(error)
    os.write(ready, marshal.dumps(reason))
    os.close(ready)
    if reason is not None:
        os._exit(0)
    return True


def _build(spec: dict[str, Any], root: str, contained: bool) -> None:
    # Mounts made outside later are visible here; mounts made here are not visible outside.
    _call("mount", None, "/", None, MS_REC | MS_SLAVE, None)
    if spec["tmp_mb"] is not None:
        _call("mount", "tmpfs", spec["tmp"], "tmpfs", MS_NOSUID | MS_NODEV, f"size={spec['tmp_mb']}m,mode=1777")
    places = _places(spec)
    if contained:
        _call("mount", "proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, None)
    _call("mount", "tmpfs", root, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755")
    _call("mount", None, root, None, MS_UNBINDABLE, None)  # otherwise binds of the folders around it would include it
    # The changed files are on a separate file system, which stays mounted but unseen. A file in the root cannot be
    # mounted anywhere else, and nothing can be mounted on a removed file, such as those of a sandbox inside this one.
    aside = f"{root}/.aside"
    os.mkdir(aside)
    _call("mount", "tmpfs", aside, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755")
    for name, text in (("hosts", _hosts(spec["hosts"])), ("passwd", _passwd())):
        with open(f"{aside}/{name}", "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
        if os.path.exists(f"/etc/{name}"):
            places[os.path.realpath(f"/etc/{name}")] = (f"{aside}/{name}", False)
    os.mkdir(f"{aside}/nothing")
    _hide(spec, places, f"{aside}/nothing")
    places["/dev"] = ("", True)
    for name in DEVICES:
        if os.path.lexists(f"/dev/{name}"):
            places[f"/dev/{name}"] = (f"/dev/{name}", False)
    _View(root, places).fill("", "/", False)
    os.chdir(root)
    _call("pivot_root", ".", ".")  # pivot_root(2): this stacks the old root on the new one
    _call("umount2", ".", MNT_DETACH)
    os.chdir("/")
    _call("umount2", "/.aside", 0)
    os.rmdir("/.aside")
    _call("mount", None, "/", None, MS_PRIVATE, None)
    _call("mount", None, "/", None, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV, None)


def _unshare(more: int = 0) -> None:
    """Create a mount namespace and those in `more`; without root that takes a user namespace, which owns them."""
    try:
        _call("unshare", CLONE_NEWNS | more)
        return
    except PermissionError:
        user, group = os.geteuid(), os.getegid()
    _call("unshare", CLONE_NEWUSER | CLONE_NEWNS | more)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        with open(f"/proc/self/{name}", "w", encoding="utf-8") as file:
            file.write(text)


def _hide(spec: dict[str, Any], places: dict[str, tuple[str, bool]], nothing: str) -> None:
    """Let the folders that would be visible appear with nothing but what is kept in them."""
    for path in sorted(map(os.path.realpath, spec["hidden"]), key=len):  # one in another is hidden with that
        seen = not any(f"{path}/".startswith(f"{place}/") for place in places)
        kept = sorted(kept for kept in spec["keep"] if kept.startswith(f"{path}/"))
        if not seen or not os.path.isdir(path) or path in ("/", *spec["keep"]):
            continue
        if any(place.startswith(f"{path}/") for place in places):  # such as a home folder that is / or /var
            continue
        places[path] = ("" if kept else nothing, True)
        for inner in kept:
            if not any(inner.startswith(f"{other}/") for other in kept):
                places[inner] = (inner, False)  # Python keeps compiled modules there


def _passwd() -> str:
    """The machine's passwd(5), in which the user has the name and the home folder that Lambda's has."""
    user, group = os.geteuid(), os.getegid()
    lines = [f"{USER}:x:{user}:{group}::/home/{USER}:/sbin/nologin"]
    try:
        with open("/etc/passwd", encoding="utf-8", errors="surrogateescape") as file:
            others = file.read().splitlines()
    except OSError:
        others = []
    return "\n".join([*lines, *(line for line in others if line.split(":")[2:3] != [str(user)])]) + "\n"


def _places(spec: dict[str, Any]) -> dict[str, tuple[str, bool]]:
    """What appears where: path to source (an empty one means an empty folder) and whether it is read-only."""
    sources = {
        "/var/task": spec["task"],
        "/var/runtime": spec["runtime"],
        "/opt": spec["opt"] or "",
        "/tmp": spec["tmp"],
    }
    places = {path: (source and os.path.realpath(source), path != "/tmp") for path, source in sources.items()}
    kept: list[str] = []
    for keep in sorted(spec["keep"]):
        home = next((path for path in sources if f"{keep}/".startswith(f"{path}/")), None)
        if home is None or any(keep.startswith(f"{other}/") for other in kept):
            continue
        source = places[home][0]
        there = source + keep[len(home) :]
        if source and os.path.exists(there) and os.path.samefile(there, keep):
            continue
        if home == "/tmp" and keep != home:
            _make_place(there, keep)
        elif keep == home or (source and os.path.lexists(there)):
            raise FileExistsError(errno.EEXIST, "needed at this very place by the function's Python or this tool", keep)
        kept.append(keep)
        if home != "/tmp" or not os.path.islink(keep):
            places[keep] = (keep, True)
    return places


def _make_place(path: str, like: str) -> None:
    """Create something that `like` can be mounted on; a link is copied. It may exist from an earlier time."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if not os.path.lexists(path):
        _make_entry(path, like)


def _make_entry(path: str, like: str) -> None:
    """The same in a folder that exists."""
    if os.path.islink(like):
        os.symlink(os.readlink(like), path)
    elif os.path.isdir(like):
        os.mkdir(path)
    else:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644))


class _View:
    """A new root: a file system in memory at `root` that gets links and mounts of everything visible."""

    def __init__(self, root: str, places: dict[str, tuple[str, bool]]) -> None:
        self._root = root
        self._places = places

    def fill(self, path: str, source: str, read_only: bool) -> None:
        """Show every entry of the folder `source` in the folder `path`, and the places below it."""
        inner = {place[len(path) + 1 :].partition("/")[0] for place in self._below(path)}
        entries = set(os.listdir(source) if source else ())
        for name in sorted(entries | inner):
            ours = (os.path.join(source, name) if name in entries else "", read_only)
            self._show(f"{path}/{name}", *self._places.get(f"{path}/{name}", ours))

    def _show(self, path: str, source: str, read_only: bool) -> None:
        target = self._root + path
        if not self._whole(path, source):
            os.mkdir(target)
            self.fill(path, source, read_only)
            return
        if not os.path.lexists(target):
            _make_entry(target, source)
        if os.path.islink(source):
            return
        _call("mount", source, target, None, MS_BIND | MS_REC, None)
        if read_only:
            kept = os.statvfs(target).f_flag & (MS_NOSUID | MS_NODEV | MS_NOEXEC)  # may not be lifted
            _call("mount", None, target, None, MS_REMOUNT | MS_BIND | MS_RDONLY | kept, None)
        for place in self._below(path):
            self._show(place, *self._places[place])

    def _whole(self, path: str, source: str) -> bool:
        """Whether the places below can be mounted on entries of `source`; if not, the folder must be recreated."""
        return bool(source) and all(
            _fits(source + place[len(path) :], self._places[place][0]) and self._whole(place, self._places[place][0])
            for place in self._below(path)
        )

    def _below(self, path: str) -> list[str]:
        """The places below a path that are not below one another."""
        below = [place for place in self._places if place.startswith(f"{path}/")]
        return [place for place in below if not any(place.startswith(f"{other}/") for other in below)]


def _fits(there: str, source: str) -> bool:
    """Whether `source` can be mounted on a path that exists, without being led elsewhere by a link."""
    is_folder = not source or os.path.isdir(source)
    return os.path.exists(there) and os.path.realpath(there) == there and os.path.isdir(there) == is_folder


def _hosts(address: str) -> str:
    """The machine's hosts(5), with the sandbox's names for `address` and no other."""
    lines = [f"{address} {' '.join(HOST_NAMES)}"]
    try:
        with open("/etc/hosts", encoding="utf-8", errors="surrogateescape") as file:
            machine = file.read().splitlines()
    except OSError:
        machine = []
    for line in machine:
        words = line.partition("#")[0].split()
        others = [word for word in words if word not in HOST_NAMES]
        if len(others) == len(words):
            lines.append(line)
        elif len(others) > 1:
            lines.append(" ".join(others))
    return "\n".join(lines) + "\n"


def _call(name: str, *arguments: Any) -> None:
    """Make a system call. Raises OSError that names the call and the path."""
    paths = [argument for argument in arguments if isinstance(argument, str)]
    values = [os.fsencode(value) if isinstance(value, str) else value for value in arguments]
    if getattr(_libc, name)(*(ctypes.c_ulong(value) if isinstance(value, int) else value for value in values)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), " ".join((name, *paths)))


def _reason(error: Exception) -> str:
    """The error in one line, with the machine's setting that explains it, if any."""
    if not isinstance(error, OSError):
        return f"{type(error).__name__}: {error}"
    reason = f"{error.filename}: {error.strerror}" if error.filename else str(error)
    for name, forbidding in SWITCHES if error.errno in (errno.EPERM, errno.EACCES, errno.ENOSPC) else ():
        try:
            with open(f"/proc/sys/{name}", encoding="utf-8") as file:
                if file.read().strip() == forbidding:
                    reason += f" ({name.replace('/', '.')} is {forbidding})"
        except OSError:
            continue
    return reason
