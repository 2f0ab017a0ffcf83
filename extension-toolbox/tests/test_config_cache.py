"""The cache alone, and as a process."""

import json
import threading
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, List, Tuple

import cache
import pytest
from aws_stand_in import AWS
from cache import RETRY_SECONDS, Cache
from extensions_api import SECONDS, ExtensionsApi, shutdown_event

FOLDER = Path(__file__).resolve().parent.parent
LAUNCHER = FOLDER / "extensions/config-cache"
SECRET = "/secretsmanager/get?secretId=toolbox/coupon"
PARAMETER = "/systemsmanager/parameters/get?name=/toolbox/greeting"


class Clock:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now = 1000.0

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of the cache."""
    clock = Clock()
    monkeypatch.setattr(cache, "time", clock)
    return clock


def counting(asked: List[str]) -> Any:
    """A source that gives a new value each time."""
    return lambda key: (asked.append(key), str(len(asked)).encode())[1]


def test_value_when_asked_twice(clock: Clock) -> None:
    """The second time it comes from the cache, and is as old as it is."""
    asked: List[str] = []
    cache = Cache(counting(asked), 10)
    assert cache.get("a") == (b"1", 0)
    clock.now += 9.5
    assert cache.get("a") == (b"1", 9.5)
    assert (cache.hits, cache.misses, asked) == (1, 1, ["a"])


def test_value_when_it_has_expired(clock: Clock) -> None:
    """Also if the process has stood still all the time, the first request gets a new value."""
    cache = Cache(counting([]), 10)
    cache.get("a")
    clock.now += 10
    assert cache.get("a") == (b"2", 0)


def test_value_when_the_source_fails(clock: Clock, capsys: pytest.CaptureFixture) -> None:
    """An old value is better than none, and a line says so. Without an old one it is an error."""

    def fail(key: str) -> bytes:
        raise OSError("out of reach")

    cache = Cache(counting([]), 10)
    cache.get("a")
    cache.fetch = fail
    clock.now += 11
    assert cache.get("a") == (b"1", 11)
    assert "a: out of reach; the old value has to do" in capsys.readouterr().out
    with pytest.raises(OSError, match="out of reach"):
        cache.get("b")


def test_calls_when_the_source_is_out_of_reach(clock: Clock) -> None:
    """A request in five seconds finds out; the others get the old value at once."""
    asked: List[str] = []

    def fail(key: str) -> bytes:
        asked.append(key)
        raise OSError("out of reach")

    cache = Cache(counting([]), 10)
    cache.get("a")
    cache.fetch = fail
    clock.now += 11
    for _ in range(5):
        assert cache.get("a")[0] == b"1"
    assert asked == ["a"]
    clock.now += RETRY_SECONDS
    cache.get("a")
    assert asked == ["a", "a"]


def test_calls_when_there_is_no_old_value(clock: Clock, capsys: pytest.CaptureFixture) -> None:
    """Ten threads make one call, and each gets its reason; after five seconds the source is asked again."""
    asked: List[str] = []

    def fail(key: str) -> bytes:
        asked.append(key)
        raise OSError(f"attempt {len(asked)}")

    cache = Cache(fail, 10)
    reasons: List[str] = []

    def ask() -> None:
        try:
            cache.get("a")
        except OSError as error:
            reasons.append(str(error))

    threads = [threading.Thread(target=ask) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (asked, reasons) == (["a"], ["attempt 1"] * 10)
    assert capsys.readouterr().out == "[config-cache] a: attempt 1; there is no old value\n"
    clock.now += RETRY_SECONDS
    ask()
    assert reasons[10:] == ["attempt 2"]
    cache.fetch = counting([])
    clock.now += RETRY_SECONDS
    assert cache.get("a") == (b"1", 0)


class Running:
    """The extension as a process."""

    def __init__(self, api: ExtensionsApi, cloud: AWS, folder: Path) -> None:
        self.process = api.start(
            LAUNCHER,
            TMPDIR=str(folder),
            TOOLBOX_ENDPOINT_URL=cloud.url,
            TOOLBOX_TIMEOUT="10",
            AWS_REGION="us-east-1",
            AWS_ACCESS_KEY_ID="A",
            AWS_SECRET_ACCESS_KEY="B",
            AWS_SESSION_TOKEN="token",
        )
        api.wait_until_asked()
        self.port = (folder / "config-cache.port").read_text()

    def get(self, path: str, token: str = "token") -> Tuple[int, Any]:
        """Ask as the function does."""
        headers = {"X-Aws-Parameters-Secrets-Token": token}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers=headers)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=SECONDS) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)


@pytest.fixture
def running(api: ExtensionsApi, cloud: AWS, tmp_path: Path) -> Running:
    """The extension, ready."""
    return Running(api, cloud, tmp_path)


def test_events_when_registered(api: ExtensionsApi, running: Running) -> None:
    """It asks for SHUTDOWN only, so Lambda waits for it at no invocation."""
    assert json.loads(api.requests[0].body) == {"events": ["SHUTDOWN"]}
    assert api.requests[0].headers["lambda-extension-name"] == "config-cache"


def test_answers_when_asked(api: ExtensionsApi, cloud: AWS, running: Running) -> None:
    """Parameters and secrets come from AWS once; at the end it counts."""
    for _ in range(3):
        assert running.get(SECRET)[1]["SecretString"] == "coupon-1"
        assert running.get(PARAMETER)[1]["Parameter"]["Value"] == "Hello"
    assert len(cloud.calls) == 2
    api.events.put(shutdown_event())
    assert running.process.communicate(timeout=SECONDS) == (
        "[config-cache] leaving: 2 calls of AWS, 4 saved\n",
        "",
    )


@pytest.mark.parametrize("query", ["withDecryption=true&name=/toolbox/greeting", "name=/toolbox/greeting"])
def test_parameter_when_it_may_be_encrypted(running: Running, query: str) -> None:
    """It is decrypted if the function wants that, as with the extension of AWS."""
    status, content = running.get(f"/systemsmanager/parameters/get?{query}")
    assert (status, content["Parameter"]["WithDecryption"]) == (200, "withDecryption" in query)


@pytest.mark.parametrize("setting", ["abc", "-1", "nan"])
def test_process_when_a_setting_is_wrong(api: ExtensionsApi, setting: str) -> None:
    """It ends with a sentence before it registers."""
    process = api.start(LAUNCHER, CACHE_SECONDS=setting)
    errors = process.communicate(timeout=SECONDS)[1]
    assert errors == f"CACHE_SECONDS is '{setting}', but must be a number that is not negative\n"
    assert (process.returncode, api.requests) == (1, [])


@pytest.mark.parametrize(
    "path",
    [
        "/secretsmanager/get?secretId=other",
        "/other",
        "/secretsmanager/get?other=1",
        "/secretsmanager/get?secretId=toolbox/coupon&versionStage=AWSPREVIOUS",
        "/secretsmanager/get?secretId=toolbox/coupon&withDecryption=true",
        "/systemsmanager/parameters/get?name=/toolbox/greeting&name=/toolbox/greeting",
    ],
)
def test_answer_when_there_is_no_such_thing(running: Running, path: str) -> None:
    """The reason reaches the function."""
    status, content = running.get(path)
    assert (status, "400" in content["message"]) == (400, True)


def test_answer_when_the_token_is_wrong(cloud: AWS, running: Running) -> None:
    """Whoever can only make the function fetch a URL does not get a secret."""
    assert running.get(SECRET, token="other")[0] == 401
    assert cloud.calls == []
