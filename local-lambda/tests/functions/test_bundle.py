"""Code and layers become folders, and no zip reaches outside its folder."""

from __future__ import annotations

import os
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from local_lambda.errors import UsageError
from local_lambda.functions import bundle
from local_lambda.functions.bundle import merge_layers, open_code
from local_lambda.processes.programs import removal

LINK, PIPE = stat.S_IFLNK | 0o777, stat.S_IFIFO | 0o644
Entry = tuple[str, str] | tuple[str, str, int]
Zip = Callable[..., Path]


@pytest.fixture
def make_zip(tmp_path: Path) -> Zip:
    """Makes a zip of entries (name, content) or (name, content, Unix mode)."""

    def make_zip(*entries: Entry, name: str = "bundle.zip", method: int = zipfile.ZIP_DEFLATED) -> Path:
        path = tmp_path / name
        with zipfile.ZipFile(path, "w", method) as archive:
            for entry in entries:
                info = zipfile.ZipInfo(entry[0])
                info.compress_type = method
                archive.writestr(info, entry[1])
                info.external_attr = (entry[2] if len(entry) == 3 else 0) << 16
        return path

    return make_zip


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return tmp_path / "workspace"


def content(folder: Path) -> dict[str, str]:
    """Every file below `folder` with its text, and every link with `-> target`."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = f"-> {os.readlink(path)}"
        elif path.is_file():
            found[name] = path.read_text()
    return found


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_open_code_uses_a_folder_in_place_when_the_code_is_one(tmp_path: Path, workspace: Path) -> None:
    """Code in a folder is not copied, so an edit is seen by the next environment."""
    (tmp_path / "real").mkdir()
    (tmp_path / "code").symlink_to("real")
    assert open_code(tmp_path / "code", workspace) == (tmp_path / "real").resolve()
    assert not workspace.exists()


def test_open_code_unzips_when_the_code_is_a_zip(make_zip: Zip, workspace: Path) -> None:
    """A zip becomes the folder `task`, with its folders, files and links."""
    code = make_zip(("app/", ""), ("app/fn.py", "code"), ("./lib/deep/x.so.1", "so"), ("lib/x.so", "deep/x.so.1", LINK))
    task = open_code(code, workspace)
    assert task == (workspace / "task").resolve()
    assert content(task) == {"app/fn.py": "code", "lib/deep/x.so.1": "so", "lib/x.so": "-> deep/x.so.1"}


def test_open_code_starts_afresh_when_the_workspace_was_used_before(make_zip: Zip, workspace: Path) -> None:
    """Nothing of an earlier zip is left."""
    open_code(make_zip(("old.py", "")), workspace)
    assert content(open_code(make_zip(("new.py", "")), workspace)) == {"new.py": ""}


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        (0, 0o644),
        (stat.S_IFREG | 0o755, 0o755),
        (0o600, 0),
        (0o640, 0o040),
        (0o555, 0o555),
        (stat.S_IFREG | 0o4755, 0o755),
    ],
)
def test_open_code_sets_permissions_when_the_zip_has_them(
    make_zip: Zip, workspace: Path, attributes: int, expected: int
) -> None:
    """The zip's, whatever the umask; 0644 without, no special bits, and nothing that is the owner's alone on Lambda."""
    before = os.umask(0o077)
    try:
        task = open_code(make_zip(("file", "", attributes)), workspace)
    finally:
        os.umask(before)
    assert mode(task / "file") == expected


def test_open_code_sets_permissions_of_folders_when_the_zip_has_them(make_zip: Zip, workspace: Path) -> None:
    """They are set at the end, so that a read-only folder is filled first; without them, folders have 0755."""
    folder = stat.S_IFDIR
    entries = [("closed/", "", folder | 0o500), ("closed/file", "x"), ("own/", "", folder | 0o700), ("own/a/", "")]
    task = open_code(make_zip(*entries, ("read/", "", folder | 0o555), ("read/file", "x"), ("sub/file", "")), workspace)
    names = ("closed", "own", "read", "sub")
    assert {name: mode(task / name) for name in names} == {"closed": 0, "own": 0, "read": 0o555, "sub": 0o755}
    removal.remove_tree(str(workspace))
    assert not workspace.exists()


def test_open_code_keeps_a_link_good_when_it_points_to_where_the_code_is_mounted(
    make_zip: Zip, workspace: Path
) -> None:
    """A link to `/var/task/...`, good on AWS, leads to the same file where the code is only a folder."""
    task = open_code(make_zip(("bin/tool", "x"), ("a/b/tool", "/var/task/bin/tool", LINK)), workspace)
    assert (task / "a/b/tool").read_text() == "x"


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ([("/etc/x", "")], "/etc/x is outside the package; build it with relative names"),
        ([("a/../../x", "")], "a/../../x is outside the package; build it with relative names"),
        ([("..", "")], ".. is outside the package; build it with relative names"),
        ([("x", "../outside", LINK)], "link x leads out of the package; replace it with its target"),
        ([("x", "/etc/passwd", LINK)], "link x leads out of the package; replace it with its target"),
        ([("x", "/var/task/../outside", LINK)], "link x leads out of the package; replace it with its target"),
        (
            [("a/b/up", "../..", LINK), ("x", "a/b/up/../outside", LINK)],
            "link x leads out of the package; replace it with its target",
        ),
        ([("x", "..", LINK), ("x/file", "")], "x occurs twice, as different kinds of entries; build it again"),
        ([("x", "inside", LINK), ("x/y/file", "")], "x occurs twice, as different kinds of entries; build it again"),
        ([("x/file", ""), ("x", "..", LINK)], "x occurs twice, as different kinds of entries; build it again"),
        ([("x", "", PIPE)], "x is not a file, folder or link; build it without"),
        ([("x", "a" * 5000, LINK)], "link x has an invalid target"),
        ([("x", "a\0b", LINK)], "link x has an invalid target"),
        ([("a\x1b[2J\n/../x", "")], r"a\x1b[2J\n/../x is outside the package; build it with relative names"),
        ([(".", "")], "the package occurs twice, as different kinds of entries; build it again"),
    ],
)
def test_open_code_refuses_a_zip_when_it_reaches_outside(
    make_zip: Zip, workspace: Path, tmp_path: Path, entries: list[Entry], reason: str
) -> None:
    """No name, no link, no chain of links and no special file in a zip reaches anything outside its folder."""
    code = make_zip(*entries)
    with pytest.raises(UsageError) as error:
        open_code(code, workspace)
    assert str(error.value) == f"{code}: {reason}"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bundle.zip", "workspace"]
    assert [path.name for path in workspace.iterdir()] == ["task"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_open_code_replaces_a_link_when_the_same_zip_has_a_file_of_that_name(
    make_zip: Zip, workspace: Path, tmp_path: Path
) -> None:
    """A file is never written through a link of the same name: the link gives way."""
    (tmp_path / "victim").write_text("untouched")
    task = open_code(make_zip(("x", "../../victim", LINK), ("x", "new")), workspace)
    assert content(task) == {"x": "new"}
    assert (tmp_path / "victim").read_text() == "untouched"


def test_open_code_keeps_the_workspace_private(make_zip: Zip, workspace: Path) -> None:
    """Other users of the machine cannot look into what was unpacked."""
    open_code(make_zip(("file", "")), workspace / "program-1")
    assert [mode(folder) for folder in (workspace, workspace / "program-1")] == [0o700] * 2


def test_open_code_refuses_a_zip_when_folders_are_nested_deeply(make_zip: Zip, workspace: Path) -> None:
    """No path of a package is as long as that."""
    task = open_code(make_zip(("a/" * 200 + "file", "deep")), workspace)
    assert (task / ("a/" * 200) / "file").read_text() == "deep"
    for depth in (201, 3_000):
        with pytest.raises(UsageError, match=r"has more than 200 nested folders"):
            open_code(make_zip(("a/" * depth + "file", "too deep")), workspace)


def test_open_code_refuses_a_zip_when_it_has_too_many_members(
    make_zip: Zip, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Empty ones have no size that would be limited."""
    monkeypatch.setattr(bundle, "MAX_MEMBERS", 2)
    with pytest.raises(UsageError, match=r"has 3 members; local-lambda unpacks 2 at most"):
        open_code(make_zip(("a", ""), ("b", ""), ("c", "")), workspace)


def test_open_code_refuses_a_zip_when_it_is_too_large(
    make_zip: Zip, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bytes are counted as they are written, all files together."""
    monkeypatch.setattr(bundle, "MAX_UNZIPPED_BYTES", 1000)
    assert content(open_code(make_zip(("a", "x" * 500), ("b", "x" * 500)), workspace))
    with pytest.raises(UsageError, match=r"bundle\.zip: Unzipped size must be smaller than 1000 bytes"):
        open_code(make_zip(("a", "x" * 500), ("b", "x" * 501)), workspace)


def damaged(path: Path, where: bytes, offset: int, value: bytes) -> Path:
    """The zip with `value` written `offset` bytes after the first occurrence of `where`."""
    data = bytearray(path.read_bytes())
    position = data.index(where) + offset
    data[position : position + len(value)] = value
    path.write_bytes(data)
    return path


def test_open_code_refuses_a_zip_when_it_is_broken(make_zip: Zip, workspace: Path, tmp_path: Path) -> None:
    """Each kind of damage gives one line with the file's name."""
    text = tmp_path / "text.zip"
    text.write_text("this is no zip")
    cut = make_zip(("a", "x" * 100), name="cut.zip")
    cut.write_bytes(cut.read_bytes()[:-30])
    checksum = damaged(make_zip(("a", "x" * 100), name="checksum.zip"), b"PK\x01\x02", 16, b"\0\0\0\0")
    stream = damaged(make_zip(("a", "x" * 100), name="stream.zip"), b"PK\x03\x04", 31, b"\xff\xff")
    for path in (text, cut, checksum, stream):
        with pytest.raises(UsageError, match=r"cannot be unzipped .*; build it again") as error:
            open_code(path, workspace)
        assert str(error.value).startswith(f"{path}: ")
        assert "\n" not in str(error.value)


def test_open_code_refuses_a_zip_when_it_is_encrypted_or_packed_otherwise(make_zip: Zip, workspace: Path) -> None:
    """A password and a method other than deflate are named as the reason."""
    secret = damaged(make_zip(("a", "x")), b"PK\x01\x02", 8, struct.pack("<H", 1))
    with pytest.raises(UsageError, match="a is encrypted; build it without a password"):
        open_code(secret, workspace)
    with pytest.raises(UsageError, match="a is not compressed with deflate"):
        open_code(make_zip(("a", "x"), method=zipfile.ZIP_BZIP2), workspace)


def test_open_code_says_so_when_there_is_nothing(workspace: Path, tmp_path: Path) -> None:
    """Code that vanished is named."""
    with pytest.raises(UsageError, match=r"none\.zip: cannot be unpacked \(.*No such file"):
        open_code(tmp_path / "none.zip", workspace)


def test_merge_layers_gives_nothing_when_there_are_no_layers(workspace: Path) -> None:
    """A function without layers has no `/opt`."""
    assert merge_layers([], workspace) is None
    assert not workspace.exists()


def test_merge_layers_uses_a_folder_in_place_when_it_is_the_only_layer(tmp_path: Path, workspace: Path) -> None:
    """One folder needs no merging and no copy."""
    (tmp_path / "layer").mkdir()
    assert merge_layers([tmp_path / "layer"], workspace) == (tmp_path / "layer").resolve()
    assert not workspace.exists()


def test_merge_layers_puts_later_ones_over_earlier_ones_when_paths_meet(
    make_zip: Zip, tmp_path: Path, workspace: Path
) -> None:
    """Layers are merged file by file in order; executable bits and links of folders and zips are kept."""
    folder = tmp_path / "layer"
    (folder / "extensions").mkdir(parents=True)
    (folder / "extensions/tool").write_text("#!folder")
    (folder / "extensions/tool").chmod(0o755)
    (folder / "extensions/link").symlink_to("tool")
    (folder / "both").write_text("folder")
    first = make_zip(("both", "first", 0o444), ("only/first", "1", 0o755), ("python/a.py", "a"), name="first.zip")
    last = make_zip(("python/a.py", "last"), ("python/b.py", "b"), name="last.zip")
    opt = merge_layers([first, folder, last], workspace)
    assert opt == (workspace / "opt").resolve()
    assert content(opt) == {
        "both": "folder",
        "extensions/link": "-> tool",
        "extensions/tool": "#!folder",
        "only/first": "1",
        "python/a.py": "last",
        "python/b.py": "b",
    }
    assert (mode(opt / "extensions/tool"), mode(opt / "only/first")) == (0o755, 0o755)


def test_merge_layers_replaces_what_is_of_another_kind_when_paths_meet(make_zip: Zip, workspace: Path) -> None:
    """A later folder takes the place of an earlier link or file, and the other way round; the link is not followed."""
    first = make_zip(("kept/x", "x"), ("lib", "kept", LINK), ("b", "file"), ("c/d/e", "deep"), name="first.zip")
    last = make_zip(("lib/y", "y"), ("b/c", "now a folder"), ("c", "now a file"), name="last.zip")
    opt = merge_layers([first, last], workspace)
    assert opt is not None
    assert content(opt) == {"kept/x": "x", "lib/y": "y", "b/c": "now a folder", "c": "now a file"}


def test_merge_layers_takes_the_last_permissions_of_a_folder_when_paths_meet(make_zip: Zip, workspace: Path) -> None:
    """A closed folder of an earlier layer is still written into, and one that is replaced is forgotten."""
    closed, opened = stat.S_IFDIR | 0o500, stat.S_IFDIR | 0o755
    first = make_zip(("a/", "", closed), ("a/x", ""), ("b/", "", closed), ("c/", "", closed), name="first.zip")
    last = make_zip(("a/y", ""), ("b/", "", opened), ("b/z", ""), ("c", "a", LINK), name="last.zip")
    opt = merge_layers([first, last], workspace)
    assert opt is not None
    assert (mode(opt / "a"), mode(opt / "b")) == (0, 0o755)
    (opt / "a").chmod(0o700)
    assert content(opt) == {"a/x": "", "a/y": "", "b/z": "", "c": "-> a"}


def test_merge_layers_checks_earlier_links_again_when_a_later_layer_changes_their_way(
    make_zip: Zip, workspace: Path
) -> None:
    """A link that is harmless alone is refused when the next layer makes it lead outside."""
    first = make_zip(("a/b/c/file", ""), ("d", "a/b/c", LINK), ("x", "d/../../outside", LINK), name="first.zip")
    last = make_zip(("d/file", ""), name="last.zip")
    with pytest.raises(UsageError, match=r"last\.zip: link x leads out of the package"):
        merge_layers([first, last], workspace)


def test_merge_layers_counts_all_layers_together_when_they_are_large(
    make_zip: Zip, tmp_path: Path, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit is for the sum of all layers, folders as well as zips."""
    monkeypatch.setattr(bundle, "MAX_UNZIPPED_BYTES", 1000)
    (tmp_path / "layer").mkdir()
    (tmp_path / "layer/file").write_text("x" * 501)
    with pytest.raises(UsageError, match="layer: Unzipped size must be smaller than 1000 bytes"):
        merge_layers([make_zip(("a", "x" * 500)), tmp_path / "layer"], workspace)


def test_merge_layers_refuses_a_folder_when_a_link_leads_out_or_a_file_is_special(
    make_zip: Zip, tmp_path: Path, workspace: Path
) -> None:
    """A folder that is merged has the rules of a zip."""
    (tmp_path / "layer").mkdir()
    (tmp_path / "layer/link").symlink_to(tmp_path)
    layers = [make_zip(("a", "")), tmp_path / "layer"]
    with pytest.raises(UsageError, match="layer: link link leads out of the package"):
        merge_layers(layers, workspace)
    (tmp_path / "layer/link").unlink()
    os.mkfifo(tmp_path / "layer/pipe")
    with pytest.raises(UsageError, match="layer: pipe is not a file, folder or link"):
        merge_layers(layers, workspace)
