"""The AWS services that moto serves, called as a WSGI application.

moto (https://docs.getmoto.org) runs in one thread only, and is imported there. So its state needs no locks and the
event loop never waits for it. Calls are served in the order in which they are made. A service is imported when it is
first called.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar
from urllib.parse import unquote_to_bytes, urlencode

from local_lambda.events.printable import print_line
from local_lambda.functions.config import ACCOUNT_ID, REGION

SERVED = frozenset("dynamodb dynamodbstreams events iam kinesis logs s3 secretsmanager sns sqs ssm sts xray".split())
"""Service names in the credential scope of a signed request; DynamoDB Streams signs as `dynamodb`."""

ROLE = f"arn:aws:iam::{ACCOUNT_ID}:role/local-lambda"
"""A role for functions that exists from the start."""
FORM = ("Content-Type", "application/x-www-form-urlencoded")


class Request(NamedTuple):
    """An HTTP request. `path` is percent-encoded."""

    method: str
    path: str
    query: str
    headers: Sequence[tuple[str, str]]
    body: bytes = b""


class Response(NamedTuple):
    """An HTTP response."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


def signed(service: str, region: str, key: str = "local") -> tuple[str, str]:
    """A header that tells moto service, region and the caller's account; the signature is not checked."""
    scope = f"{key}/20260101/{region}/{service}/aws4_request"
    return "Authorization", f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"


Call = Callable[[Request], Response]
Result = TypeVar("Result")


def reason_of_service(error: Exception) -> str:
    """What one of moto's services says when it refuses something; most of its errors have a `message`."""
    return str(getattr(error, "message", None) or error) or type(error).__name__


class Services:
    """moto in a thread. `start` imports it in the background; a call waits until it is ready."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "moto")
        self._application: Any = None
        self._closed = False
        self._waiting: set[asyncio.Future[None]] = set()

    def start(self, account: str = ACCOUNT_ID) -> None:
        """Begin to import moto and create the role. All resources belong to `account`."""
        os.environ["MOTO_ACCOUNT_ID"] = account
        trust = (
            '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",'
            '"Principal":{"Service":"lambda.amazonaws.com"}}]}'
        )
        form = {
            "Action": "CreateRole",
            "Version": "2010-05-08",
            "RoleName": ROLE.rpartition("/")[2],
            "AssumeRolePolicyDocument": trust,
        }
        self._thread.submit(self._load)
        self._thread.submit(
            self._call, Request("POST", "/", "", [signed("iam", REGION), FORM], urlencode(form).encode())
        )

    async def call(self, request: Request, quiet: bool = False) -> Response:
        """Call the service that the request is signed for; return its response.

        A `quiet` call changes nothing that others wait for in `activity`.
        """
        response = await asyncio.wrap_future(self._thread.submit(self._call, request))
        if not quiet:
            self.stir()
        return response

    async def activity(self, seconds: float) -> None:
        """Wait until a service was called that may have changed something, but not longer than `seconds`."""
        loop = asyncio.get_running_loop()
        changed: asyncio.Future[None] = loop.create_future()
        self._waiting.add(changed)
        timer = loop.call_later(seconds, _set, changed)
        try:
            await changed
        finally:
            timer.cancel()
            self._waiting.discard(changed)

    def stir(self) -> None:
        """Let everyone who waits for `activity` look again."""
        for changed in self._waiting:
            _set(changed)

    def run(self, job: Callable[[], Result]) -> Future[Result]:
        """Run `job`, which may use moto's own objects, in moto's thread."""
        return self._thread.submit(self._loaded, job)

    def perform(self, job: Callable[[Call], None]) -> None:
        """Run `job` with a function that calls services, after the calls made so far, without waiting for it.

        A job that comes after `close` is dropped, because the services it would use have ended.
        """
        if not self._closed:
            self._thread.submit(job, self._call)

    def close(self) -> None:
        """Stop serving."""
        self._closed = True
        self._thread.shutdown(cancel_futures=True)

    def _loaded(self, job: Callable[[], Result]) -> Result:
        if self._application is None:
            self._load()
        return job()

    def _load(self) -> None:
        os.environ["MOTO_DISABLE_GLOBAL_CORS"] = "true"
        os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication

        self._application = DomainDispatcherApplication(_create_application)

    def _call(self, request: Request) -> Response:
        head: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> None:
            head[:] = [int(status[:3]), headers]

        try:
            if self._application is None:
                self._load()
            chunks = self._application(_environ(request), start_response)
            try:
                body = b"".join(chunks)
            finally:
                if hasattr(chunks, "close"):
                    chunks.close()
        except NotImplementedError:
            message = f"{request.method} {request.path} is not served: moto has no such operation"
            text = json.dumps({"__type": "NotImplementedException", "message": message})
            return Response(501, [("Content-Type", "application/json")], text.encode())
        except Exception as error:
            print_line(f"moto failed on {request.method} {request.path}: {type(error).__name__}: {error}")
            text = json.dumps({"__type": "InternalFailure", "message": f"moto failed: {type(error).__name__}"})
            return Response(500, [("Content-Type", "application/json")], text.encode())
        return Response(head[0], head[1], body)


def _set(changed: asyncio.Future[None]) -> None:
    if not changed.done():
        changed.set_result(None)


def _create_application(service: Any) -> Any:
    """The application of moto for a service, which keeps the body of a PUT as it is.

    It would read a body of the type of a form as that, and S3 would get an object without content.
    """
    from moto.moto_server.werkzeug_app import create_backend_app

    application = create_backend_app(service)
    base: Any = application.request_class

    class Request(base):  # type: ignore[misc]
        @property
        def want_form_data_parsed(self) -> bool:
            return self.method != "PUT" and bool(super().want_form_data_parsed)

    application.request_class = Request
    return application


def _environ(request: Request) -> dict[str, Any]:
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(request.path).decode("latin-1"),
        "RAW_URI": f"{request.path}?{request.query}" if request.query else request.path,
        "QUERY_STRING": request.query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_LENGTH": str(len(request.body)),
        "HTTP_HOST": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in request.headers:
        key = name.upper().replace("-", "_")
        if key == "CONTENT_TYPE":
            environ[key] = value
        elif key not in ("CONTENT_LENGTH", "TRANSFER_ENCODING", "EXPECT", "CONNECTION"):
            environ[f"HTTP_{key}"] = value
    return environ
