"""A Dockerfile says what an image runs, and which folder becomes the function's code."""

from __future__ import annotations

from pathlib import Path

import pytest

from local_lambda.functions.container import read_dockerfile


@pytest.mark.parametrize(
    ("source", "entry_point", "command"),
    [
        ('FROM public.ecr.aws/lambda/python:3.12\nCMD ["app.handler"]\n', (), ("app.handler",)),
        ("FROM x\nCMD app.handler\n", (), ("app.handler",)),
        ('FROM x\nCMD [ "app.handler" ]  \n# CMD ["old.handler"]\n', (), ("app.handler",)),
        ('FROM x\nCMD ["old.handler"]\nCMD ["app.handler"]\n', (), ("app.handler",)),
        ('FROM build AS one\nCMD ["no"]\nFROM x\ncmd ["app.handler"]', (), ("app.handler",)),
        ('FROM x\nENTRYPOINT ["python", \\\n  "-m", "awslambdaric"]\nCMD ["app.handler"]', (), ("app.handler",)),
        ('FROM x\nENTRYPOINT ["/entry.sh"]\nCMD ["app.handler"]', ("/entry.sh",), ("app.handler",)),
        ('FROM x\nENTRYPOINT ["/lambda-entrypoint.sh"]\nCMD ["app.handler"]', (), ("app.handler",)),
        ('FROM x AS one\nCMD ["app.handler"]\nFROM one\nRUN true', (), ("app.handler",)),
        ('FROM x AS one\nCMD ["old.handler"]\nFROM one\nENTRYPOINT ["/run"]', ("/run",), ()),
        ("FROM x\nCMD [broken\n", (), ("[broken",)),
        ("", (), ()),
    ],
)
def test_read_dockerfile_finds_the_command_when_it_is_written_in_any_form(
    tmp_path: Path, source: str, entry_point: tuple[str, ...], command: tuple[str, ...]
) -> None:
    """JSON and shell form, comments, continued lines; the last one of the last stage counts."""
    path = tmp_path / "Dockerfile"
    path.write_text(source)
    image = read_dockerfile(path)
    assert image is not None
    assert (image.program, image.command) == (entry_point, command)


@pytest.mark.parametrize(
    ("base", "foreign"),
    [
        ("public.ecr.aws/lambda/python:3.12", False),
        ("python:3.12-slim", False),
        ("public.ecr.aws/lambda/nodejs:20", True),
        ("public.ecr.aws/lambda/provided:al2023", True),
    ],
)
def test_image_is_foreign_when_its_base_is_of_another_runtime(tmp_path: Path, base: str, foreign: bool) -> None:
    """The name of a stage stands for what that stage begins from."""
    (tmp_path / "Dockerfile").write_text(f"FROM --platform=linux/amd64 {base} AS base\nFROM base\n")
    image = read_dockerfile(tmp_path / "Dockerfile")
    assert image is not None
    assert (image.base, image.is_foreign) == (base, foreign)


def test_folder_is_the_copied_one_when_it_has_the_handler(tmp_path: Path) -> None:
    """A folder outside of the context is never taken."""
    (tmp_path / "context" / "src").mkdir(parents=True)
    (tmp_path / "context" / "src" / "app.py").touch()
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "other.py").touch()
    (tmp_path / "context" / "Dockerfile").write_text("FROM x\nCOPY --chown=1 src/* ../outside ${LAMBDA_TASK_ROOT}/\n")
    context = tmp_path / "context"
    image = read_dockerfile(context / "Dockerfile")
    assert image is not None
    assert image.folder(context, "app.handler") == context / "src"
    assert image.folder(context, "other.handler") == context


def test_read_dockerfile_is_none_when_there_is_no_file(tmp_path: Path) -> None:
    """Whether that matters depends on the template."""
    assert read_dockerfile(tmp_path / "Dockerfile") is None


def test_read_dockerfile_reads_the_stage_that_is_asked_for(tmp_path: Path) -> None:
    """Names of stages have no case, as in Docker; a stage that is not there has no image."""
    path = tmp_path / "Dockerfile"
    path.write_text('FROM x AS Live\nCOPY src .\nCMD ["app.handler"]\nFROM live AS test\nCMD ["app.test"]\n')
    images = [read_dockerfile(path, target) for target in ("live", "LIVE", "test", None)]
    assert [image and image.command for image in images] == [("app.handler",)] * 2 + [("app.test",)] * 2
    assert images[2] is not None
    assert images[2].copied == ("src",)
    assert read_dockerfile(path, "other") is None
