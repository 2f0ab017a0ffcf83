"""The example as a whole, on local-lambda, on the Python that runs these tests: what callers get, and when."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from contextlib import contextmanager
from http.client import HTTPConnection, IncompleteRead
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

import pytest

FOLDER = Path(__file__).resolve().parent.parent
EVENT, LOST_ROW = FOLDER / "events/report.json", FOLDER / "events/lost-row.json"
PRELUDE = b'{"statusCode": 200, "headers": {"Content-Type": "text/plain"}}' + bytes(8)
ROWS = [b"row %d\n" % number for number in range(1, 6)]
# In a sandbox the path in template.yaml would do; where there is none, the wrapper is in the folder of the code.
VARIABLES = {"AWS_LAMBDA_EXEC_WRAPPER": "app/start_streaming", "SECONDS_PER_ROW": "0"}
PATIENCE = 60  # seconds

plugin = pytest.importorskip("pytest_local_lambda", reason="the plugin is in the folder pytest-local-lambda")


class Served:
    """The functions of the template, on ports of this machine."""

    def __init__(self, lines: List[str]) -> None:
        self.url = re.search(r"listening on (http://\S+)", lines[0])[1]  # type: ignore[index]
        self.hosts = {
            found[1]: found[2] for found in (re.search(r"URL of (\w+): http://(\S+)/", line) for line in lines) if found
        }

    def get(self, function: str, query: str) -> Any:
        """Ask a function URL; returns the response, of which only the headers have been read."""
        connection = HTTPConnection(self.hosts[function], timeout=PATIENCE)
        connection.request("GET", f"/?{query}")
        return connection.getresponse()


@contextmanager
def serving(command: str, **variables: str) -> Iterator[Served]:
    """`local-lambda start`, on free ports."""
    start = [command, "start", "--port", "0", "--python", sys.executable]
    environment = {**os.environ, **VARIABLES, **variables}
    with subprocess.Popen(start, cwd=str(FOLDER), env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            lines: List[str] = []
            for line in process.stderr:
                lines += [line] if "listening on" in line or "URL of" in line else []
                if len(lines) == 3:
                    break
            yield Served(lines)
        finally:
            process.terminate()
            process.communicate(timeout=PATIENCE)


@pytest.fixture(scope="module")
def served(local_lambda: Any) -> Iterator[Served]:
    """The functions, whose rows take no time."""
    with serving(local_lambda.command) as functions:
        yield functions


def run_client(name: str, served: Optional[Served], *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run one of the two clients; the lines it prints begin with a time, which is replaced by `-`."""
    # boto3 warns on Pythons that it will soon leave.
    environment = {**os.environ, "PYTHONWARNINGS": "ignore", **({"LAMBDA_URL": served.url} if served else {})}
    command = [sys.executable, str(FOLDER / name), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE)
    done.stdout = re.sub(r"^\(\d+\.\d s\)", "-", done.stdout, flags=re.MULTILINE)
    return done


def test_row_when_the_function_is_still_at_work(local_lambda: Any) -> None:
    """Status and first row arrive almost two seconds before the last one."""
    with serving(local_lambda.command, SECONDS_PER_ROW="0.1") as functions:
        response = functions.get("StreamedFunction", "rows=20")
        assert (response.status, response.headers["Content-Type"]) == (200, "text/plain")
        assert response.read1(100) == ROWS[0]
        assert not response.isclosed()


def test_body_when_streamed(served: Served) -> None:
    """All rows, each as one chunk."""
    response = served.get("StreamedFunction", "rows=5")
    assert response.headers["Transfer-Encoding"] == "chunked"
    assert [response.read1(100) for _ in range(6)] == [*ROWS, b""]


def test_body_when_buffered(served: Served) -> None:
    """The same bytes in one piece, whose length is known."""
    response = served.get("BufferedFunction", "rows=5")
    assert (response.status, response.headers["Content-Length"]) == (200, "30")
    assert response.read() == b"".join(ROWS)


def test_status_when_a_row_is_lost(served: Served) -> None:
    """Buffered, the caller gets 502. Streamed, it has 200 already, and the body breaks off."""
    assert served.get("BufferedFunction", "rows=5&fail=3").status == 502
    response = served.get("StreamedFunction", "rows=5&fail=3")
    assert response.status == 200
    with pytest.raises(IncompleteRead) as broken:
        response.read()
    assert broken.value.partial == b"".join(ROWS[:2])


def test_body_when_it_is_large(served: Served) -> None:
    """7 MB are too much for a buffered response, and nothing special for a streamed one."""
    assert served.get("BufferedFunction", "rows=7&bytes=1000000").status == 502
    assert len(served.get("StreamedFunction", "rows=7&bytes=1000000").read()) == 7000000


def test_function_when_the_caller_hangs_up(served: Served) -> None:
    """The environment survives, and serves the next caller."""
    host, port = served.hosts["StreamedFunction"].split(":")
    with socket.create_connection((host, int(port))) as caller:
        caller.sendall(b"GET /?rows=3&bytes=1000000 HTTP/1.1\r\nHost: %b\r\n\r\n" % host.encode())
        assert caller.recv(12) == b"HTTP/1.1 200"
    assert served.get("StreamedFunction", "rows=1").read() == ROWS[0]


def test_read_stream_when_run(served: Served) -> None:
    """The client prints each piece, and its exit status tells a complete response from a broken one."""
    url = f"http://{served.hosts['StreamedFunction']}/"
    done = run_client("read_stream.py", None, url, "rows=2")
    assert (done.returncode, done.stdout.splitlines()) == (
        0,
        ["- status 200", "- piece: row 1 ", "- piece: row 2 ", "- end after 12 bytes"],
    )
    assert run_client("read_stream.py", None, f"{url}?rows=1").stdout.splitlines()[-1] == "- end after 6 bytes"
    done = run_client("read_stream.py", None, url, "rows=2&fail=2")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (1, "- broken off after 6 bytes")


def test_invoke_stream_when_run(served: Served) -> None:
    """boto3 gets status and headers as a piece like the others, and finally how the function ended."""
    done = run_client("invoke_stream.py", served, "StreamedFunction", str(EVENT))
    pieces = [f"- PayloadChunk {piece!r}" for piece in [PRELUDE, *ROWS]]
    assert (done.returncode, done.stdout.splitlines()) == (0, [*pieces, "- InvokeComplete without an error"])
    done = run_client("invoke_stream.py", served, "StreamedFunction", str(LOST_ROW))
    assert (done.returncode, done.stdout.splitlines()[-1]) == (1, "- InvokeComplete LookupError")


def test_events_when_invoked(local_lambda: Any, tmp_path: Path) -> None:
    """One environment starts once and serves both; the record says how long the response took."""
    record = tmp_path / "record.jsonl"
    command = [local_lambda.command, "invoke", "StreamedFunction", "--python", sys.executable]
    command += ["-e", str(EVENT), "--count", "2", "--record", str(record)]
    environment = {**os.environ, **VARIABLES, "SECONDS_PER_ROW": "0.02"}
    done = subprocess.run(command, cwd=str(FOLDER), env=environment, stdout=subprocess.PIPE, timeout=PATIENCE)
    assert (done.returncode, done.stdout.count(PRELUDE + b"".join(ROWS))) == (0, 2)
    events = [json.loads(line) for line in record.read_text().splitlines()]
    platform: List[Dict[str, Any]] = [event for event in events if str(event.get("type")).startswith("platform.")]
    types = [event["type"] for event in platform]
    assert types.count("platform.initStart") == 1
    assert types.count("platform.report") == 2
    for event in (event for event in platform if event["type"] == "platform.runtimeDone"):
        spans = {span["name"]: span["durationMs"] for span in event["record"]["spans"]}
        assert spans["responseDuration"] > spans["responseLatency"]


def test_package_when_built_twice(local_lambda: Any, tmp_path: Path) -> None:
    """Two builds are the same bytes, and the function streams from the zip, wrapper and all, as from the folder."""
    packages = [tmp_path / name for name in ("first.zip", "second.zip")]
    for package in packages:
        build = [sys.executable, str(FOLDER / "build_package.py"), str(package), str(FOLDER / "app")]
        subprocess.run(build, check=True)
    assert packages[0].read_bytes() == packages[1].read_bytes()
    command = [local_lambda.command, "invoke", "StreamedFunction", "--python", sys.executable, "-e", str(EVENT)]
    done = subprocess.run(
        [*command, "--code", str(packages[0])],
        cwd=str(FOLDER),
        env={**os.environ, **VARIABLES},
        stdout=subprocess.PIPE,
        timeout=PATIENCE,
    )
    assert (done.returncode, done.stdout.strip()) == (0, (PRELUDE + b"".join(ROWS)).strip())


def test_log_when_the_handler_prints(local_lambda: Any, tmp_path: Path) -> None:
    """What it prints is in the log, although the runtime is killed in the end."""
    shutil.copytree(str(FOLDER / "app"), str(tmp_path / "app"))
    shutil.copy(str(FOLDER / "template.yaml"), str(tmp_path))
    handler = "def lambda_handler(event, context):\n    print('seen')\n    yield 'row'\n"
    (tmp_path / "app/fn_streamed.py").write_text(handler)
    command = [local_lambda.command, "invoke", "StreamedFunction", "--python", sys.executable, "-e", str(EVENT)]
    done = subprocess.run(
        command, cwd=str(tmp_path), env={**os.environ, **VARIABLES}, stderr=subprocess.PIPE, text=True, timeout=PATIENCE
    )
    assert "function | seen" in done.stderr.splitlines()


def test_clients_when_misused(served: Served) -> None:
    """One line says what is wrong: too few arguments, a port where nothing listens, a function that is not there."""
    done = [
        run_client("read_stream.py", None),
        run_client("invoke_stream.py", None),
        run_client("read_stream.py", None, "http://127.0.0.1:1/"),
        run_client("invoke_stream.py", served, "MissingFunction", str(EVENT)),
        run_client("read_stream.py", None, "StreamedFunction"),
    ]
    assert [(each.returncode, each.stderr.split(":")[0], each.stderr.count("\n")) for each in done] == [
        (2, "usage", 1),
        (2, "usage", 1),
        (1, "read_stream.py", 1),
        (1, "invoke_stream.py", 1),
        (1, "read_stream.py", 1),
    ]


needs_make = pytest.mark.skipif(not (shutil.which("make") and shutil.which("curl")), reason="make or curl is missing")


@needs_make
def test_answer_when_run_as_in_an_image(local_lambda: Any) -> None:
    """The runtime takes the handler from its command line, and `make invoke` gets the whole response."""
    command = [local_lambda.command, "exec", "--port", "0", "--", sys.executable, "-m", "app.streaming_runtime"]
    command += ["app.fn_streamed.lambda_handler"]
    environment = {**os.environ, "SECONDS_PER_ROW": "0"}
    with subprocess.Popen(command, cwd=str(FOLDER), env=environment, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr is not None
            ports = (re.search(r"listening on http://127\.0\.0\.1:(\d+)", line) for line in server.stderr)
            port = next(filter(None, ports)).group(1)
            make = ["make", "--silent", "invoke", f"PORT={port}", "FUNCTION=function"]
            answer = subprocess.check_output(make, cwd=str(FOLDER))
        finally:
            server.terminate()
            server.communicate(timeout=PATIENCE)
    assert answer.strip() == (PRELUDE + b"".join(ROWS)).strip()
    assert server.returncode == 0
