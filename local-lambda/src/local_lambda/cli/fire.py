"""`local-lambda fire`: let a rule of a running `start --aws` or `aws` send its targets an event, now."""

from __future__ import annotations

import json
from typing import NamedTuple

from local_lambda.errors import StartError, UsageError
from local_lambda.events.printable import print_line


class FireOptions(NamedTuple):
    """`rule` is on the event bus `bus` of the endpoint at `url`, in `region`."""

    rule: str
    url: str
    region: str
    bus: str = "default"


def fire(options: FireOptions) -> int:
    """Run the command; returns the exit status."""
    from urllib.error import HTTPError, URLError
    from urllib.request import ProxyHandler, Request, build_opener

    scope = f"local-lambda/20260101/{options.region}/events/aws4_request"
    headers = {
        "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": "AWSEvents.FireRule",
    }
    body = json.dumps({"Name": options.rule, "EventBusName": options.bus}).encode()
    try:
        request = Request(options.url, body, headers)
        with build_opener(ProxyHandler({})).open(request, timeout=30) as answer:  # never by way of a proxy
            targets = json.load(answer)["Targets"]
    except HTTPError as error:
        raise UsageError(_reason(error.read()) or f"{options.url} answers {error.code}") from None
    except (URLError, OSError, ValueError, KeyError) as error:
        reason = getattr(error, "reason", error)
        raise StartError(
            f"there is no local AWS endpoint at {options.url} ({reason}); run `start --aws`, or name its address with "
            "--endpoint-url"
        ) from None
    print_line(f"fired {options.rule}: {targets} {'target' if targets == 1 else 'targets'}")
    return 0


def _reason(body: bytes) -> str:
    try:
        document = json.loads(body)
        return str(document.get("message") or document.get("Message") or "")
    except (ValueError, AttributeError):
        return ""
