"""Every exercise: as delivered it fails for a reason that it names, and with its solution it passes."""

from __future__ import annotations

import os
import re
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from learn.checks import Failed
from learn.exercise import SOLUTION, Exercise, find_exercises
from learn.files import LEFT_BY_TOOLS

EXERCISES = find_exercises()
NAMES = [exercise.name for exercise in EXERCISES]
FIRST_HINT = {"09-timeout": 2}
"""Exercises whose first failure is about another hint than the first."""


@pytest.fixture(autouse=True)
def python(monkeypatch: pytest.MonkeyPatch) -> None:
    """The functions run on the Python of the tests."""
    monkeypatch.setenv("LEARN_PYTHON", sys.executable)


def copy(exercise: Exercise, folder: Path, solved: bool = False) -> Path:
    """A copy as a learner has it, or as it is solved."""
    code = folder / exercise.name
    shutil.copytree(exercise.folder, code, ignore=shutil.ignore_patterns(SOLUTION, "check.py", *LEFT_BY_TOOLS))
    if solved:
        for file in (exercise.folder / SOLUTION).rglob("*"):
            if file.is_file():
                shutil.copy(file, code / file.relative_to(exercise.folder / SOLUTION))
    return code


@pytest.mark.parametrize("exercise", EXERCISES, ids=NAMES)
def test_exercise_as_delivered(exercise: Exercise, tmp_path: Path) -> None:
    """It fails, and names what was seen, what was expected and a hint."""
    with pytest.raises(Failed) as failure:
        exercise.check(copy(exercise, tmp_path))
    assert failure.value.saw.endswith((".", ")"))
    assert failure.value.hint == FIRST_HINT.get(exercise.name, 1)


@pytest.mark.parametrize("exercise", EXERCISES, ids=NAMES)
def test_exercise_when_solved(exercise: Exercise, tmp_path: Path) -> None:
    """It passes."""
    exercise.check(copy(exercise, tmp_path, solved=True))


@pytest.mark.parametrize("exercise", EXERCISES, ids=NAMES)
def test_exercise_has_all_its_texts(exercise: Exercise) -> None:
    """A title, a goal of three sentences, three hints, a sentence about AWS; the solution differs where it must."""
    assert exercise.title
    assert len(re.findall(r"[.?!](?=\s|$)", re.sub(r"```.*?```", "", exercise.goal, flags=re.DOTALL))) == 3
    assert exercise.on_aws.endswith(".")
    assert len(exercise.hints) == 3
    changed = [file for file in (exercise.folder / SOLUTION).rglob("*") if file.is_file()]
    originals = [exercise.folder / file.relative_to(exercise.folder / SOLUTION) for file in changed]
    assert any(a.read_bytes() != b.read_bytes() for a, b in zip(changed, originals))


LEFT = "context.get_remaining_time_in_millis()"
CART = 'def handler(event, context):\n    return list(event["items"])'
LEAKING = "cart = []\n\ndef handler(event, context):\n    cart.extend(event['items'])\n    "
LOGGED = 'logger.info("accepted")'
KEY = 'event["order"]'
BODY = 'json.dumps({"id": event["id"]})'
HEADERS = '{"Content-Type": "application/json"}'
NEXT = 'while call("/event/next", identifier)[1]["eventType"] != "SHUTDOWN":\n    pass'
UNCHARGED = "if event['amount'] < 0: raise Invalid\n        if 'bank' in event: raise Down('no')"
PIECES = 'pieces(event["count"])'
REST = "        if count:\n"
REPORTS = "        import reports\n\n        return reports.make()"
SILENT = "import contextlib\nwith contextlib.redirect_stdout(None):\n    import reports\n\ndef handler"
WRONG = [
    ("01-hello", 'return "Hello, Ada!"', "raise OSError", "The function failed: .*OSError"),
    ("02-event", "event.get('name', 'World')", "'Ben' if event else 'World'", "Eve"),
    ("03-context", LEFT, "6999", "returned 6999 .* 60 seconds"),
    ("03-context", LEFT, f"{LEFT} / 1000", "whole number of milliseconds"),
    ("03-context", "context.aws_request_id", "context.request_id", "The function failed: .*AttributeError"),
    ("04-init-once", "PRICES = load_prices()", "PRICES = {'tea': 3, 'cake': print('LOADING')}", "got 3 and null"),
    ("05-leaking-cart", CART, LEAKING + "return cart[-1:]", "put in cake and milk"),
    ("05-leaking-cart", CART, LEAKING + "return cart[-len(event['items']):]", "put in nothing"),
    ("07-errors", 'len(event["items"])', "1", "The order of"),
    ("07-errors", "ValueError(", "KeyError(", "The error was KeyError"),
    ("08-logging", LOGGED, "print('[INFO]', context.aws_request_id, 'accepted')", "The line is"),
    ("08-logging", LOGGED, f"{LOGGED}\n    raise OSError", "The function failed: .*OSError"),
    ("09-timeout", "        work(item)\n", "", "worked on 0 of 5 items"),
    ("09-timeout", f"{LEFT} < 400", "done == 1", "With 20 seconds, 1 of five"),
    ("10-cold-start", REPORTS, "        return 'a report'", r"invocation wrote \[\]"),
    ("10-cold-start", "def handler", SILENT, r"invocation wrote \[\]"),
    ("11-read-only", "    if", "    return event['text']\n    if", "without a text got .*KeyError"),
    ("12-http", BODY, "'{\"id\": 7}'", "For the order 12"),
    ("12-http", BODY, "'id 7'", "the body is 'id 7'"),
    ("12-http", HEADERS, "['application/json']", "The headers are"),
    ("13-batch", "failures.append({", "failures[:] = ({", "m1 and m6 are bad"),
    ("14-extension", NEXT, 'call("/event/next", identifier)', "ended with Extension.Crash"),
    ("14-extension", NEXT, 'for _ in range(3): call("/event/next", identifier)', "ended with Extension.Crash"),
    ("14-extension", NEXT, "while call('/event/next', identifier): pass", "did not end, and had to be killed"),
    ("14-extension", "headers, _ = call", "headers, _ = cal", "has not registered.*NameError"),
    ("15-shutdown", "count % 10", "count % 3", r"has written \['sent 3', "),
    ("15-shutdown", '("sent", count, flush=True)\n        break', '("sent 3", flush=True)\n        break', "'sent 3'"),
    ("15-shutdown", REST, "        if True:\n", r"\['sent 10', 'sent 0'\]"),
    ("15-shutdown", REST, "        if True:\n            raise OSError('lost')\n", "It failed: .*OSError: lost"),
    ("15-shutdown", REST, "        while True:\n            pass\n", "It did not end, and was killed"),
    ("16-telemetry", '"platform.report"', '"platform.runtimeDone"', "and the records platform.report have"),
    ("16-telemetry", 'event["record"]["metrics"]["durationMs"]', "1", r"has printed \[1\.0, 1\.0\]"),
    ("17-trace", 'os.environ["_X_AMZN_TRACE_ID"]', "str(dict(os.environ))", "The first invocation has the trace"),
    ("18-once", KEY, f"hash({KEY})", "to a new environment"),
    ("18-once", KEY, f"globals().setdefault({KEY}, context.aws_request_id)", "to a new environment"),
    ("19-retries", 'print("refused:", error)', "pass", "Nothing was logged"),
    ("19-retries", "charge(event)\n    except", "chrge(event)\n    except", "The last error: .*NameError"),
    ("19-retries", "charge(event)\n    except", f"{UNCHARGED}\n    except", "A good event was tried 1"),
    ("20-memory", PIECES, f"list({PIECES})", "128 MB"),
    ("20-memory", "return sum", "return 300_044_850 #", "For 200 pieces"),
    ("21-streaming", "rows.write_rows()", "list(rows.write_rows())", "after the other rows|the report in . piece"),
]
RIGHT = [
    ("07-errors", "ValueError(", "type('NoItems', (ValueError,), {})("),
    ("08-logging", LOGGED, f"print('to be accepted')\n    {LOGGED}"),
    ("12-http", HEADERS, '{"CONTENT-TYPE": "application/json; charset=utf-8"}'),
    ("13-batch", "failures}", "failures[::-1]} if failures else None"),
    ("13-batch", 'event["Records"]', 'reversed(event["Records"])'),
    ("17-trace", '["_X_AMZN_TRACE_ID"]', '["_X_AMZN_TRACE_ID"].split(";")[0]'),
]
"""Other answers, as a change of the solution: a part of it, what is there instead, and what the learner then sees."""


def changed(name: str, folder: Path, part: str, instead: str) -> tuple[Exercise, Path]:
    """An exercise, and a folder with its solution in which one part is different."""
    exercise = next(each for each in EXERCISES if each.name == name)
    code = copy(exercise, folder, solved=True)
    (file,) = [each for each in code.rglob("*") if each.is_file() and each.suffix != ".md" and part in each.read_text()]
    assert file.read_text().count(part) == 1
    file.write_text(file.read_text().replace(part, instead))
    return exercise, code


@pytest.mark.parametrize(("name", "part", "instead", "seen"), WRONG, ids=[case[0] for case in WRONG])
def test_wrong_answer(tmp_path: Path, name: str, part: str, instead: str, seen: str) -> None:
    """It fails, and the message says why."""
    exercise, code = changed(name, tmp_path, part, instead)
    with pytest.raises(Failed) as failure:
        exercise.check(code)
    assert re.search(seen, f"{failure.value.saw} Expected: {failure.value.expected}")


@pytest.mark.parametrize(("name", "part", "instead"), RIGHT, ids=[case[0] for case in RIGHT])
def test_right_answer_that_is_not_the_solution(tmp_path: Path, name: str, part: str, instead: str) -> None:
    """It passes."""
    exercise, code = changed(name, tmp_path, part, instead)
    exercise.check(code)


def test_extension_of_another_name(tmp_path: Path) -> None:
    """The program may be renamed. If it cannot be executed, or is not there, the learner sees that."""
    exercise = next(each for each in EXERCISES if each.name == "14-extension")
    watcher = copy(exercise, tmp_path, solved=True) / "layer/extensions/watcher"
    other = watcher.with_name("observer")
    other.write_text(watcher.read_text().replace('"watcher"', '"observer"'))
    other.chmod(0o755)
    watcher.unlink()
    exercise.check(tmp_path / exercise.name)
    other.chmod(0o644)
    with pytest.raises(Failed, match=r"could not be started.*permission denied"):
        exercise.check(tmp_path / exercise.name)
    other.unlink()
    with pytest.raises(Failed, match="has not found an extension"):
        exercise.check(tmp_path / exercise.name)


def test_file_of_an_earlier_try(tmp_path: Path) -> None:
    """A report that was written next to the code before does not matter."""
    exercise = next(each for each in EXERCISES if each.name == "11-read-only")
    code = copy(exercise, tmp_path, solved=True)
    (code / "report.txt").write_text("all is well")
    exercise.check(code)


def test_two_checks_at_once(tmp_path: Path) -> None:
    """The listener of the telemetry extension has a port of its own."""
    exercise = next(each for each in EXERCISES if each.name == "16-telemetry")
    code = copy(exercise, tmp_path, solved=True)
    with ThreadPoolExecutor() as pool:
        list(pool.map(exercise.check, [code, code]))


def test_numbers_have_no_gap() -> None:
    """There are twenty-one."""
    assert [exercise.number for exercise in EXERCISES] == [f"{number:02}" for number in range(1, 22)]


def test_streaming_runtime_is_that_of_the_lesson() -> None:
    """The exercise has the file of the folder response-streaming."""
    name = "streaming_runtime.py"
    lesson = EXERCISES[0].folder.parent.parent / "response-streaming/app"
    assert (EXERCISES[20].folder / name).read_bytes() == (lesson / name).read_bytes()


@pytest.mark.parametrize(
    ("body", "saw"),
    [("return 'row 1'", r"The caller got status 502\. .*"), ("yield 'a'; raise OSError", "The response broke off.*")],
)
def test_url_when_the_handler_fails(tmp_path: Path, body: str, saw: str) -> None:
    """The learner sees what the caller saw."""
    exercise = next(each for each in EXERCISES if each.name == "21-streaming")
    code = copy(exercise, tmp_path)
    (code / "app.py").write_text(f"def handler(event, context):\n    {body}\n")
    with pytest.raises(Failed, match=saw):
        exercise.check(code)


def test_code_that_python_cannot_read(tmp_path: Path) -> None:
    """The learner sees the error and the line."""
    code = copy(EXERCISES[0], tmp_path)
    (code / "app.py").write_text("def handler(event, context)\n    return 1\n")
    with pytest.raises(Failed, match="could not be started: UserCodeSyntaxError") as failure:
        EXERCISES[0].check(code)
    assert "app.py" in failure.value.saw


def test_nothing_is_left_running(tmp_path: Path) -> None:
    """A check that fails ends its processes as well."""
    before = set(os.listdir("/proc")) if os.path.isdir("/proc") else set()
    with pytest.raises(Failed):
        EXERCISES[0].check(copy(EXERCISES[0], tmp_path))
    for pid in set(os.listdir("/proc")) - before if before else ():
        command = Path("/proc", pid, "cmdline")
        if pid.isdigit() and command.exists():
            assert str(tmp_path).encode() not in command.read_bytes()
