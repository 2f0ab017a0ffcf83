"""The tool that runs READMEs: what it reads, compares, writes and refuses."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from walkthrough import anchors, changes
from walkthrough.match import explain, matches, same
from walkthrough.parse import parse
from walkthrough.pictures import OF_A_MACHINE, without_machine
from walkthrough.session import Session, Stuck, is_alive
from walkthrough.update import merge, normalize
from walkthrough.walk import run_block

FOLDER = Path("/somewhere/else/hello")


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        ("START RequestId: [ID]", "START RequestId: 6a14bd4a-0b58-43d3-a0c0-edae74ae2aa6"),
        ("TraceId: [ID]", "TraceId: 1-6b011913-82c44ab882671672ffd8ca9a"),
        ("at [TIME]", "at 2026-11-21T04:07:47.830Z"),
        ("Duration: [MS]\tBilled", "Duration: 17.57 ms\tBilled"),
        ("trace |    [MS]   [MS]  └─ x", "trace | -125.9 ms    352.5 ms  └─ x"),
        ("Used: [N] MB", "Used: 40 MB"),
        ("python:[VERSION]\t...", "python:3.13.0rc1\tRuntime"),
        ("http://[ADDRESS]/x", "http://127.0.0.2:41527/x"),
        ("Makefile:[LINE]: run", "Makefile:56: run"),
        ("hello … ok (2.1 s)", "hello … ok (13.0 s)"),
        ("a ... b", "a and so on b"),
        ("blanks at the end", "blanks at the end\t "),
        ("(a|b)*[INFO]", "(a|b)*[INFO]"),
    ],
)
def test_line_is_the_same_when_only_what_varies_differs(expected: str, actual: str) -> None:
    """Each wildcard matches what its name says."""
    assert same(expected, actual)


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        ("START RequestId: [ID]", "START RequestId: "),
        ("Used: [N] MB", "Used: many MB"),
        ("in [MS]", "in a moment"),
        ("ok (2.1 s)", "ok (soon)"),
        ("one line", "one line more"),
        ("a.c", "abc"),
    ],
)
def test_line_is_not_the_same_when_something_else_differs(expected: str, actual: str) -> None:
    """A wildcard matches nothing else."""
    assert not same(expected, actual)


@pytest.mark.parametrize(
    ("expected", "actual", "is_match"),
    [
        (["a", "...", "c"], ["a", "c"], True),
        (["a", "...", "c"], ["a", "b", "c", "b", "c"], True),
        (["a", "...", "c"], ["a", "c", "b"], False),
        (["a", "c"], ["a", "b", "c"], False),
        (["a"], [], False),
        ([], ["a"], False),
        ([], [], True),
        (["..."], [], True),
        (["...", "a", "...", "b", "..."], ["b", "a", "x"], False),
        (["function | a", "platform | b"], ["platform | b", "function | a"], True),
        (["function | a", "function | b"], ["function | b", "function | a"], False),
        (["function One | a", "platform One | b"], ["platform One | b", "function One | a"], True),
        (["function one:1 | a", "function one:1 | b"], ["function one:1 | b", "function one:1 | a"], False),
        (["function | a", "answer"], ["function | a", "platform | b", "answer"], False),
    ],
)
def test_transcript_matches_when_gaps_and_lanes_allow(expected: list[str], actual: list[str], is_match: bool) -> None:
    """A gap matches any lines; only the lines of one process have an order."""
    assert matches(expected, actual) is is_match


def test_transcript_is_compared_quickly_when_it_has_many_gaps() -> None:
    """Comparing thirty gaps with a thousand equal lines does not take long."""
    assert not matches(["...", "a"] * 30 + ["b"], ["a"] * 1000)


def test_explanation_when_a_line_is_missing() -> None:
    """It shows the expected line, and the line that was printed instead."""
    text = explain(["a", "b 1", "c"], ["a", "b 2", "c"])
    assert "expected: b 1" in text and "got:      b 2" in text and "got:      a" not in text


def test_explanation_when_more_lines_match_in_a_later_place() -> None:
    """It shows the earlier place, too: it may be the one that is not as shown."""
    text = explain(["...", "a", "b", "c", "..."], ["a", "x", "a", "b", "y"])
    assert "expected: c\n    got:      y" in text
    assert "or, after a\n        expected: b\n        got:      x" in text


def write(path: Path, text: str) -> Path:
    """Write a file, with the fences of the blocks spelled as ~~~ in the tests."""
    path.write_text(text.replace("~~~", "```"), encoding="utf-8")
    return path


def test_commands_when_continued_or_tagged(tmp_path: Path) -> None:
    """A backslash continues a command, a reason follows the language, and line numbers are those of the file."""
    text = "# x\n~~~console needs luck\n$ a \\\n    b\nout\n$ c\n~~~\n## y\n~~~python\n$ no\n~~~\n"
    first, second = parse(write(tmp_path / "a.md", text)).blocks
    assert (first.language, first.reason, first.section) == ("console", "needs luck", 1)
    commands = first.commands()
    assert [(command.line, command.text, command.expected) for command in commands] == [
        (3, "a \\\n    b", ["out"]),
        (6, "c", []),
    ]
    assert (second.language, second.section, second.part) == ("python", 2, 1)


def test_commands_when_the_shell_asks_for_lines(tmp_path: Path) -> None:
    """A line that is empty is marked like the others."""
    page = tmp_path / "README.md"
    page.write_text("```console\n$ cat <<END\n> one\n>\n> two\n> END\none\n```\n")
    (command,) = parse(page).blocks[0].commands()
    assert (command.text, command.expected) == ("cat <<END\none\n\ntwo\nEND", ["one"])


def test_commands_when_output_comes_first(tmp_path: Path) -> None:
    """Output without a command is an error that names the line."""
    block = parse(write(tmp_path / "a.md", "~~~console\nout\n$ a\n~~~\n")).blocks[0]
    with pytest.raises(ValueError, match="line 2"):
        block.commands()


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """A shell in an empty folder."""
    return Session(tmp_path, {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"})


def test_session_keeps_folder_variables_and_status(session: Session) -> None:
    """One shell runs all commands; standard output includes standard error."""
    with session:
        assert session.run("mkdir a; cd a; X=1; (exit 3)") == ("", 3)
        assert session.run("echo $? $X ${PWD##*/}") == ("3 1 a\n", 0)
        assert session.run("echo one; echo two >&2; printf three") == ("one\ntwo\nthree", 0)
        assert session.run("cat") == ("", 0)


def test_session_has_a_network_of_its_own(session: Session) -> None:
    """Two READMEs can use the same port at the same time, and no command reaches the network unnoticed."""
    serve = "python3 -c 'import socket, sys; s = socket.create_server((\"127.0.0.1\", 8080)); print(1, flush=True); {}'"
    with session, Session(Path("/"), {"PATH": os.environ["PATH"]}) as other:
        if session.run("ls -l /proc/self/ns/net")[0].split()[-1] == os.readlink("/proc/self/ns/net"):
            pytest.skip("this system has no user namespaces for everybody")
        session.start(serve.format("s.accept()") + " &", lambda text: text == "1\n")
        assert other.run(serve.format("")) == ("1\n", 0)


def test_background_command_when_killed_shows_the_rest(session: Session) -> None:
    """A run waits for the lines shown first; the rest follows with `kill`, and no process is left."""
    command = "(trap 'echo bye; exit' TERM; echo hello; while :; do sleep 0.1; done) &"
    with session:
        assert session.start(command, lambda text: "hello" in text) == "hello\n"
        process = session.jobs[1].process
        assert is_alive(process)
        assert session.kill("", 1) == "bye\n"
        assert not is_alive(process)
        assert "no such job" in session.kill("", 1)


def test_background_command_when_it_ends_too_early(session: Session) -> None:
    """A run does not wait for the lines of a server that has ended."""
    with session, pytest.raises(Stuck) as error:
        session.start("echo port in use &", lambda text: "listening" in text)
    assert error.value.text == "port in use\n"


def test_command_when_it_does_not_end(session: Session) -> None:
    """The message includes what the command has printed so far."""
    with session, pytest.raises(Stuck) as error:
        session.run("echo so far; sleep 600", patience=1)
    assert error.value.text == "so far\n"


@pytest.mark.parametrize(
    ("transcript", "is_good"),
    [
        ("$ false\n", False),
        ("$ false\n$ echo $?\n1\n", True),
        ("$ sh -c 'echo an error; exit 1'\nan error\n", True),
        ("$ sh -c 'echo an error; exit 1'\n...\n", False),
        ("$ true\n", True),
        ("$ echo a\nb\n", False),
    ],
)
def test_step_when_a_command_fails(tmp_path: Path, session: Session, transcript: str, is_good: bool) -> None:
    """The README must show a failure: in the output, or in the exit status."""
    block = parse(write(tmp_path / "a.md", f"~~~console\n{transcript}~~~\n")).blocks[0]
    with session:
        problems = [step.problem for step in run_block(session, block.commands()) if step.problem]
    assert (problems == []) is is_good


def test_transcript_when_written_anew() -> None:
    """The author's lines and gaps stay where they match; a changed line comes from the run, with wildcards."""
    expected = ["...", "START [ID]", "Duration: [MS] of 10", "...", "end", "gone"]
    actual = ["x", "START 12ab", "Duration: 3 ms of 12", "y", "z", "end", "new at 2026-11-21T04:07:47.830Z"]
    assert merge(expected, actual, FOLDER) == [
        "...",
        "START [ID]",
        "Duration: [MS] of 12",
        "...",
        "end",
        "new at [TIME]",
    ]
    fitting = ["a", "...", "[N]"]
    assert merge(fitting, ["a", "b", "c", "1"], FOLDER) is fitting
    assert matches(merge(expected, actual, FOLDER), actual)


@pytest.mark.parametrize(
    ("line", "written"),
    [
        ("id 6a14bd4a-0b58-43d3-a0c0-edae74ae2aa6", "id [ID]"),
        ("trace 1-6b011913-82c44ab882671672ffd8ca9a", "trace [ID]"),
        ("Duration: 5.11 ms\tMax Memory Used: 40 MB", "Duration: [MS]\tMax Memory Used: [N] MB"),
        ("http://127.0.0.1:41527/ http://127.0.0.1:8080", "http://[ADDRESS]/ http://127.0.0.1:8080"),
        ("in /somewhere/else/hello/app", "in .../app"),
        ('"deadlineMs": 1795234053090', '"deadlineMs": [N]'),
        ("python:3.11.7 Python 3.12 Python3.13!", "python:[VERSION] Python [VERSION] Python[VERSION]!"),
        (
            "timeline |         │Init 1825 ms             │Invoke 1 122 ms │Shutdown 68.6 ms",
            "timeline | ...│Init [MS] ...│Invoke 1 [MS] ...│Shutdown [MS]",
        ),
        ("timeline | runtime │░░░░░▒▒ │██▒▒▒▒ │✗▄▄▄▄▄", "timeline | runtime ..."),
        ("timeline | extension:logs-api-extension │ ░▒▒ │ ██ │", "timeline | extension:logs-api-extension ..."),
        ("timeline | ░ starting  █ at work  ✗ killed", "timeline | ░ starting  █ at work  ✗ killed"),
    ],
)
def test_line_when_written_anew(line: str, written: str) -> None:
    """Values that vary become wildcards, paths of the machine do not appear, and the text matches what was printed."""
    assert normalize(line, FOLDER) == written
    assert same(written, line)


def test_change_when_made_and_undone(tmp_path: Path) -> None:
    """The lines of the hunk are replaced; undoing restores every byte."""
    file = tmp_path / "a.py"
    file.write_bytes(b"one\ntwo\nthree\n")
    diff = ["--- a/a.py", "+++ b/a.py", "@@ -1,2 +1,2 @@", " one", "-two", "+2", "+2.5"]
    before = changes.apply(diff, tmp_path)
    assert file.read_bytes() == b"one\n2\n2.5\nthree\n"
    changes.undo(before)
    assert file.read_bytes() == b"one\ntwo\nthree\n"


@pytest.mark.parametrize("lines", [["-four", "+5"], ["-same", "+other"], ["-tw", "+2"], ["what"]])
def test_change_when_it_does_not_fit(tmp_path: Path, lines: list[str]) -> None:
    """The README is wrong if the lines are missing, exist twice, or match only in part."""
    (tmp_path / "a.py").write_text("one\ntwo\nsame\nsame\n")
    with pytest.raises(changes.DiffError):
        changes.apply(["--- a.py", "+++ a.py", *lines], tmp_path)
    assert (tmp_path / "a.py").read_text() == "one\ntwo\nsame\nsame\n"


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        ("What differs from AWS", "what-differs-from-aws"),
        ("`make run`, and more: 3.8!", "make-run-and-more-38"),
        ("Init — a [link](x.md)", "init--a-link"),
        ("snake_case *here*", "snake_case-here"),
    ],
)
def test_anchor_of_a_heading(heading: str, anchor: str) -> None:
    """Anchors are the same as on GitHub."""
    assert anchors.slug(heading) == anchor


def test_links_when_they_lead_nowhere(tmp_path: Path) -> None:
    """Files, headings, the second of two equal headings, references and addresses are found; code is ignored."""
    write(tmp_path / "b.md", "# Same\n# Same\n~~~\n# code\n~~~\n")
    good = (
        "[a](b.md#same) [a](b.md#same-1) [a](#here) [r] [a][r] `[x](no.md)` <https://a.org>\n\n[r]: https://a.org/x\n"
    )
    bad = "[a](c.md) [a](b.md#code) [a](b.md#same-2) ![p](p.svg) [a][no] [a](https:///x)\n"
    path = write(tmp_path / "a.md", f"## Here\n{good}{bad}~~~\n[x](no.md)\n~~~\n")
    problems = anchors.check(path, tmp_path)
    targets = [problem.split(": ")[1] for problem in problems]
    assert targets == ["c.md", "b.md#code", "b.md#same-2", "p.svg", "https:///x", "[no]"]


def test_picture_names_no_folder_of_the_machine_that_drew_it() -> None:
    """Paths in tracebacks are relative to the copy or the repository; those of Lambda stay."""
    drawn = 'File "/home/me/hello/.venv/lib/x.py"\nFile "/home/me/shared/y.py"\nFile "/var/task/app.py"'

    picture = without_machine(drawn, [Path("/home/me"), Path("/home/me/hello")])

    assert picture == 'File ".venv/lib/x.py"\nFile "shared/y.py"\nFile "/var/task/app.py"'
    assert OF_A_MACHINE.findall(drawn) == ["/home", "/home"]
    assert OF_A_MACHINE.findall(picture) == []
