"""Signed calls."""

import socket
import threading
from typing import Any

import aws_call
import pytest
from aws_call import call_aws, sign
from aws_stand_in import AWS


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the examples of AWS."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)


def test_signature_when_it_is_known() -> None:
    """The example of AWS's documentation has this signature."""
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    url = "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08"
    signed = sign("iam", "us-east-1", "GET", url, b"", headers, "20150830T123600Z")
    assert signed["authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, "
        "SignedHeaders=content-type;host;x-amz-date, "
        "Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
    )


def test_call_when_the_response_is_good(cloud: AWS, monkeypatch: pytest.MonkeyPatch) -> None:
    """An object arrives as it was sent."""
    monkeypatch.setenv("TOOLBOX_ENDPOINT_URL", cloud.url)
    assert call_aws("s3", "PUT", "/bucket/key", b"line\n", {}) == b""
    assert cloud.objects == {"/bucket/key": b"line\n"}


def test_call_when_the_type_is_that_of_a_form(cloud: AWS, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stand-in refuses it: others would keep an object without content."""
    monkeypatch.setenv("TOOLBOX_ENDPOINT_URL", cloud.url)
    with pytest.raises(OSError, match=r"400 .*InvalidRequest"):
        call_aws("s3", "PUT", "/bucket/key", b"line\n", {"Content-Type": "application/x-www-form-urlencoded"})
    assert cloud.objects == {}


def test_error_when_the_call_is_refused(cloud: AWS, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says why."""
    monkeypatch.setenv("TOOLBOX_ENDPOINT_URL", "")
    monkeypatch.setenv("AWS_ENDPOINT_URL", cloud.url)
    with pytest.raises(OSError, match=r"400 .*ParameterNotFound"):
        call_aws("ssm", "POST", "/", b'{"Name": "/other"}', {"X-Amz-Target": "AmazonSSM.GetParameter"})


def test_error_when_nothing_listens(monkeypatch: Any) -> None:
    """That is an OSError, too."""
    monkeypatch.setenv("TOOLBOX_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(OSError, match="refused"):
        call_aws("s3", "PUT", "/bucket/key", b"", {})


def test_error_when_the_response_is_cut_off(monkeypatch: Any) -> None:
    """Also in the middle of the reason for a refusal."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def refuse() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 100\r\n\r\n{")

        threading.Thread(target=refuse, daemon=True).start()
        monkeypatch.setenv("TOOLBOX_ENDPOINT_URL", "http://127.0.0.1:{}".format(server.getsockname()[1]))
        with pytest.raises(OSError, match="IncompleteRead"):
            call_aws("s3", "GET", "/", b"", {})


def test_error_when_the_name_is_not_resolved_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time of a call is limited, also where the operating system has no limit."""
    answered = threading.Event()

    def resolve(*_: object, **__: object) -> Any:
        answered.wait(30)
        raise socket.gaierror("too late")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(aws_call, "TIMEOUT_SECONDS", 0.05)
    monkeypatch.setenv("TOOLBOX_ENDPOINT_URL", "http://s3.example.com")
    with pytest.raises(OSError, match=r"no response in 0\.05 s"):
        call_aws("s3", "GET", "/", b"", {})
    answered.set()


def test_error_when_the_endpoint_is_not_a_url(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake in the settings is a failed call."""
    monkeypatch.setenv("TOOLBOX_ENDPOINT_URL", "nowhere")
    with pytest.raises(OSError, match="unknown url type"):
        call_aws("s3", "GET", "/", b"", {})
