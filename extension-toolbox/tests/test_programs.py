"""The programs that run next to the function."""

import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import measure
import pytest

FOLDER = Path(__file__).resolve().parent.parent


class Silent(BaseHTTPRequestHandler):
    """Takes a request, and then does not answer until the test has ended."""

    asked = threading.Event()
    ended = threading.Event()

    def do_POST(self) -> None:
        self.asked.set()
        self.ended.wait(30)


def test_calls_when_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C ends the program as it would end a shell's command, without a traceback."""
    with HTTPServer(("127.0.0.1", 0), Silent) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        monkeypatch.setenv("LAMBDA_URL", f"http://127.0.0.1:{server.server_address[1]}")
        command = [sys.executable, str(FOLDER / "call_with_pause.py"), str(FOLDER / "events/order.json"), "2", "2"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert Silent.asked.wait(30)
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=30) == ("", "")
        assert process.returncode == -signal.SIGINT
        Silent.ended.set()
        server.shutdown()


def test_table_when_a_run_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends with the tool's own lines, and names the row."""
    tool = tmp_path / "local-lambda"
    tool.write_text("#!/bin/sh\necho 'extension | S3_RECORDS is wrong' >&2\nexit 3\n")
    tool.chmod(0o755)
    monkeypatch.setattr(measure, "write_template", lambda folder, *_: folder / "template.yaml")
    with pytest.raises(SystemExit) as ended:
        measure.measure(str(tool), "all four", 1)
    assert ended.value.code == f"extension | S3_RECORDS is wrong\nmeasure.py: all four: {tool} ended with status 3"
