"""The package for AWS, as far as it can be made without asking for libraries."""

import zipfile

import build_package
import pytest


@pytest.fixture
def content(tmp_path):
    """What a package is made of, with the notes of pip among it."""
    folder = tmp_path / "content"
    for name, text in {
        "app/orders.py": "a",
        "pypwext/errors.py": "b",
        "lib.dist-info/RECORD": "pip",
        "z.py": "c",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_zip_is_the_same_when_built_again(tmp_path, content):
    """The same input gives the same bytes, whenever and by whomever it is built."""
    first, second = tmp_path / "first.zip", tmp_path / "deeper" / "second.zip"
    build_package.write_zip(first, content)
    for path in content.rglob("*.py"):
        path.chmod(0o600)
        path.touch()
    build_package.write_zip(second, content)
    assert first.read_bytes() == second.read_bytes()


def test_zip_has_all_but_the_notes_of_pip_when_built(tmp_path, content):
    """Names are sorted, and every file can be read by Lambda's user."""
    target = tmp_path / "package.zip"
    build_package.write_zip(target, content)
    with zipfile.ZipFile(target) as package:
        assert package.namelist() == ["app/orders.py", "pypwext/errors.py", "z.py"]
        assert {entry.external_attr >> 16 for entry in package.infolist()} == {0o644}


def test_folder_has_the_same_when_sam_asks_for_one(tmp_path, content):
    """`sam build` gives a folder that exists already."""
    target = tmp_path / "artifacts"
    target.mkdir()
    build_package.copy_into(target, content)
    names = sorted(path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file())
    assert names == ["app/orders.py", "pypwext/errors.py", "z.py"]
    assert build_package.size_of(target) == 3


def test_sources_are_there_when_packaged():
    """The package has the functions and the library."""
    assert [source.name for source in build_package.SOURCES] == ["app", "pypwext"]
    assert all(source.is_dir() for source in build_package.SOURCES)


def test_build_fails_when_pip_does(tmp_path, monkeypatch, capsys):
    """Without the libraries there is no package that looks like one."""
    monkeypatch.setattr(build_package, "install_libraries", lambda target, platform: False)
    assert build_package.main([str(tmp_path / "package.zip")]) == 1
    assert "No package" in capsys.readouterr().err
    assert not (tmp_path / "package.zip").exists()
