"""What is uploaded, and when."""

import json
import math
import time
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest
from aws_call import TIMEOUT_SECONDS
from aws_stand_in import AWS
from batcher import Batcher
from extensions_api import SECONDS, ExtensionsApi, invoke_event, shutdown_event

FOLDER = Path(__file__).resolve().parent.parent
LAUNCHER = FOLDER / "extensions/telemetry-to-s3"
DONE = {"type": "platform.runtimeDone", "record": {"requestId": "request-1"}}


def records(count: int) -> List[Dict[str, Any]]:
    """Records of lines of a function."""
    return [{"type": "function", "record": f"line {number}"} for number in range(count)]


class Bucket:
    """Takes objects, or refuses them."""

    def __init__(self) -> None:
        self.objects: List[Tuple[str, bytes]] = []
        self.refuses = False

    def upload(self, key: str, body: bytes) -> None:
        if self.refuses:
            raise OSError("503 slow down")
        self.objects.append((key, body))

    def counts(self) -> List[int]:
        """Records of each object."""
        return [body.count(b"\n") for _, body in self.objects]


@pytest.fixture
def bucket() -> Bucket:
    """An empty one."""
    return Bucket()


def test_objects_when_there_are_many_records(bucket: Bucket) -> None:
    """Each has as many as allowed; the rest waits."""
    batcher = Batcher(bucket.upload, 4, 10000, 60)
    batcher.add(records(10))
    assert (bucket.counts(), len(batcher.lines)) == ([4, 4], 2)
    batcher.flush("test")
    assert bucket.counts() == [4, 4, 2]
    lines = [json.loads(line) for _, body in bucket.objects for line in body.splitlines()]
    assert lines == records(10)
    assert [key[-10:] for key, _ in bucket.objects] == ["0001.jsonl", "0002.jsonl", "0003.jsonl"]


def test_objects_when_records_are_large(bucket: Bucket) -> None:
    """None is larger than allowed, except for one record that is so alone."""
    batcher = Batcher(bucket.upload, 1000, 100, 60)
    batcher.add([*records(5), {"type": "function", "record": "x" * 200}, *records(1)])
    assert [len(body) <= 100 for _, body in bucket.objects] == [True, True, True, False]
    assert bucket.counts() == [2, 2, 1, 1]


def test_age_when_the_clock_has_moved(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first record counts, and nothing is due without one."""
    now = [1000.0]
    monkeypatch.setattr(time, "time", lambda: now[0])
    batcher = Batcher(bucket.upload, 1000, 10000, 60)
    assert batcher.age_left() == math.inf
    batcher.add(records(1))
    now[0] += 50
    batcher.add(records(1))
    assert batcher.age_left() == 10
    now[0] += 1000
    assert batcher.age_left() == 0


def test_objects_when_s3_refuses(bucket: Bucket, capsys: pytest.CaptureFixture) -> None:
    """They wait, in order and with their keys; the oldest are forgotten, so memory has a limit."""
    batcher = Batcher(bucket.upload, 1, 10000, 60)
    bucket.refuses = True
    batcher.add(records(7))
    assert "S3: 503 slow down; waiting: 1 object\n" in capsys.readouterr().out
    assert batcher.forgotten == 2
    bucket.refuses = False
    batcher.flush("test")
    assert bucket.objects == []  # one failure is enough for one event
    batcher.begin(math.inf)
    batcher.flush("test")
    assert [key[-10:-6] for key, _ in bucket.objects] == ["0003", "0004", "0005", "0006", "0007"]


def test_objects_when_there_is_no_time(bucket: Bucket) -> None:
    """An upload that could not end before the deadline is not begun."""
    batcher = Batcher(bucket.upload, 1, 10000, 60)
    batcher.begin(time.time() + TIMEOUT_SECONDS / 2)
    batcher.add(records(2))
    assert (bucket.objects, len(batcher.waiting)) == ([], 2)
    batcher.begin(math.inf)
    batcher.flush("test")
    assert bucket.counts() == [1, 1]


def test_process_when_it_has_no_bucket(api: ExtensionsApi) -> None:
    """It ends with a sentence before it registers, and not at the first upload."""
    process = api.start(LAUNCHER)
    assert process.communicate(timeout=SECONDS)[1] == "S3_BUCKET is missing: name the bucket for the telemetry\n"
    assert (process.returncode, api.requests) == (1, [])


def start(api: ExtensionsApi, cloud: AWS, **settings: str) -> Any:
    """The extension as a process, having asked for its first event."""
    credentials = {"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "B"}
    endpoint = {"TOOLBOX_ENDPOINT_URL": cloud.url, "TOOLBOX_TIMEOUT": "10"}  # this machine may be busy
    process = api.start(LAUNCHER, S3_BUCKET="logs", **endpoint, **credentials, **settings)
    api.wait_until_asked()
    return process


def test_object_when_shut_down(api: ExtensionsApi, cloud: AWS) -> None:
    """What there is is uploaded before the process ends."""
    process = start(api, cloud)
    api.send([*records(2), DONE])
    api.events.put(invoke_event("request-1"))
    api.wait_until_asked()
    assert cloud.objects == {}
    api.events.put(shutdown_event(seconds=30))
    output, errors = process.communicate(timeout=SECONDS)
    assert (process.returncode, errors) == (0, "")
    ((path, body),) = cloud.objects.items()
    assert path.startswith("/logs/20")
    assert [json.loads(line) for line in body.splitlines()] == [*records(2), DONE]
    assert "leaving: 1 object, 0 of them lost" in output


def test_next_when_the_records_are_not_there(api: ExtensionsApi, cloud: AWS) -> None:
    """It asks for the next event when all of this one are there, and the full objects uploaded."""
    start(api, cloud, S3_RECORDS="2")
    api.events.put(invoke_event("request-1"))
    api.send(records(3))
    assert api.lines().count("GET next") == 1
    api.send([DONE])
    api.wait_until_asked()
    assert [body.count(b"\n") for body in cloud.objects.values()] == [2, 2]


def test_object_when_old_enough(api: ExtensionsApi, cloud: AWS) -> None:
    """It is uploaded while the function still works."""
    process = start(api, cloud, S3_SECONDS="0.1")
    api.events.put(invoke_event("request-1"))
    api.send(records(1))
    assert process.stdout.readline() == "[telemetry-to-s3] time: an object of 1 record\n"
    api.send([DONE])
    api.wait_until_asked()


def test_objects_when_uploaded_by_a_timer(api: ExtensionsApi, cloud: AWS) -> None:
    """The naive way loses all that has come since the last tick."""
    process = start(api, cloud, S3_FLUSH="timer")
    api.send([*records(2), DONE])
    api.events.put(invoke_event("request-1"))
    api.wait_until_asked()
    api.events.put(shutdown_event())
    assert "leaving with 3 records" in process.communicate(timeout=SECONDS)[0]
    assert cloud.objects == {}
