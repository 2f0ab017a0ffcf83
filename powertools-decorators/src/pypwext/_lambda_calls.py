"""Calling other Lambda functions by name, partial ARN or full ARN."""

from __future__ import annotations

import base64
import io
import json
import threading
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Dict, Mapping, Optional, cast

from ._errors import PyPwExtInternalError
from .encoders import dumps

DEFAULT_RETRIES = {"total_max_attempts": 10, "max_attempts": 10, "mode": "adaptive"}


@dataclass
class LambdaResponse:
    """What Lambda answered, with the names of the Invoke API.

    The payload is read once and kept: it can be asked for any number of times, also after it was logged. When Lambda
    could not be asked, StatusCode is 500, FunctionError the reason, and `error` the exception of botocore.
    """

    StatusCode: int
    FunctionError: Optional[str] = None
    LogResult: Optional[str] = None
    ResponseMetadata: Optional[Dict[str, Any]] = None
    Payload: Any = None
    ExecutedVersion: Optional[str] = None
    error: Optional[Exception] = None

    def __post_init__(self) -> None:
        data = self.Payload.read() if hasattr(self.Payload, "read") else self.Payload
        self._payload = data.encode() if isinstance(data, str) else bytes(data or b"")
        if self.Payload is not None:
            # Still a stream for those who expect one, but reading it takes nothing away.
            self.Payload = io.BytesIO(self._payload)

    def payload_as_text(self, encoding: Optional[str] = "unicode-escape") -> str:
        r"""Return the payload as text, "" when there is none.

        Python functions write other letters as `\u00e4` or as they are, depending on their runtime: JSON comes out with
        the letters in both cases.

        Args:
            encoding: Another encoding decodes plainly; the default and None decode UTF-8 as described.
        """
        if encoding not in (None, "unicode-escape"):
            try:
                return self._payload.decode(encoding or "", errors="replace")
            except LookupError:  # no such encoding
                pass
        text = self._payload.decode(errors="replace")
        if "\\u" not in text:
            return text
        try:
            return json.dumps(json.loads(text), ensure_ascii=False)
        except ValueError:
            return text

    def payload_as_dict(self) -> Dict[str, Any]:
        """Return the payload parsed as JSON, {} when there is none. Raises ValueError when it is not JSON."""
        parsed: Dict[str, Any] = json.loads(self._payload.decode(errors="replace")) if self._payload else {}
        return parsed

    @property
    def failed(self) -> bool:
        """Whether Lambda or the function reported an error. For the latter StatusCode is still 200."""
        return self.FunctionError is not None or self.StatusCode >= HTTPStatus.MULTIPLE_CHOICES


def merge_config(region: Optional[str], given: Any) -> Any:
    """Return the botocore `Config` for the Lambda client: ours, with what given sets over it."""
    from botocore.config import Config

    # botocore merges Config objects key by key, but takes the dict of retry settings as one value.
    wanted = dict(getattr(given, "retries", None) or {})
    retries: Dict[str, Any] = dict(DEFAULT_RETRIES)
    if wanted.keys() & {"max_attempts", "total_max_attempts"}:
        # Two spellings of one number, and total_max_attempts wins: our default must not beat what was asked for.
        del retries["max_attempts"], retries["total_max_attempts"]
    ours = Config(region_name=region, connect_timeout=60, read_timeout=60)
    merged = ours.merge(given) if given is not None else ours
    retries.update(wanted)
    return merged.merge(Config(retries=cast(Any, retries)))


class LambdaCaller:
    """Invokes functions with one client, which is made when it is needed first: boto3 takes long to import."""

    def __init__(self, region: Optional[str], config: Any = None) -> None:
        self._region = region
        self._given_config = config
        self._lock = threading.Lock()
        self._client: Any = None

    @property
    def client(self) -> Any:
        """The boto3 client.

        Raises:
            PyPwExtInternalError: there is no region.
        """
        with self._lock:
            if self._client is None:
                import boto3
                from botocore.exceptions import NoRegionError

                try:
                    self._client = boto3.client("lambda", config=merge_config(self._region, self._given_config))
                except NoRegionError:
                    raise PyPwExtInternalError("No region: set AWS_REGION or pass region=") from None
            return self._client

    @client.setter
    def client(self, client: Any) -> None:
        self._client = client

    def invoke(
        self, function: str, invocation_type: str, payload: Optional[bytes], context: Optional[Mapping[str, Any]]
    ) -> LambdaResponse:
        """Return the response to one invocation; an error of the client is made one, too.

        Args:
            function: Name, name:alias, partial ARN or ARN.
            invocation_type: `RequestResponse` or `Event`.
            payload: The event; None or empty for none.
            context: What the function finds in `context.client_context.custom`.
        """
        client = self.client
        from botocore.exceptions import BotoCoreError, ClientError

        request: Dict[str, Any] = {"FunctionName": function, "InvocationType": invocation_type}
        if payload:
            request["Payload"] = payload
        if context:
            request["ClientContext"] = base64.b64encode(dumps({"custom": context}).encode()).decode()
        try:
            answer = client.invoke(**request)
        except (BotoCoreError, ClientError) as error:
            return LambdaResponse(
                StatusCode=HTTPStatus.INTERNAL_SERVER_ERROR.value, FunctionError=str(error), Payload=b"", error=error
            )
        names = LambdaResponse.__dataclass_fields__.keys() - {"error"}
        return LambdaResponse(**{name: value for name, value in answer.items() if name in names})


def to_bytes(data: Any) -> Optional[bytes]:
    """Return data as the body of a request: str and bytes as they are, None as none, any other value as JSON."""
    if data is None or isinstance(data, bytes):
        return data
    return data.encode() if isinstance(data, str) else dumps(data).encode()
