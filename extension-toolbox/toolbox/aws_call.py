"""One signed call to AWS with the standard library, because importing boto3 takes longer than most functions do.

https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html (Signature Version 4).
"""

import hashlib
import hmac
import os
import queue
import threading
import time
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import Dict, Mapping, Union
from urllib.parse import urlsplit

from lambda_api import number

# What a call may take, so that an environment that ends is not held up. Retries are up to the caller.
TIMEOUT_SECONDS = number("TOOLBOX_TIMEOUT", 1)


def call_aws(service: str, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    """Return the body of a good response. Raises OSError, whose text is AWS's reason if there is one."""
    region = os.environ["AWS_REGION"]
    # A stand-in, the local endpoint of local-lambda, or AWS.
    url = os.environ.get("TOOLBOX_ENDPOINT_URL") or os.environ.get("AWS_ENDPOINT_URL")
    url = f"{url or f'https://{service}.{region}.amazonaws.com'}{path}"
    session = {"X-Amz-Security-Token": os.environ["AWS_SESSION_TOKEN"]} if os.environ.get("AWS_SESSION_TOKEN") else {}
    now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    # Without a type urllib would name that of a form.
    typed = {"Content-Type": "application/octet-stream", **headers}
    everything = {**typed, **session, "X-Amz-Content-Sha256": hashlib.sha256(body).hexdigest()}
    signed = sign(service, region, method, url, body, everything, now)
    # The timeout of urllib counts for each address and each packet, and not for DNS. So a thread does the call, and is
    # left alone if it is late.
    results: queue.Queue[Union[bytes, OSError]] = queue.Queue()
    threading.Thread(target=lambda: results.put(send(method, url, body, signed)), daemon=True).start()
    try:
        result = results.get(timeout=TIMEOUT_SECONDS)
    except queue.Empty:
        result = OSError(f"no response in {TIMEOUT_SECONDS:g} s")
    if isinstance(result, OSError):
        raise result
    return result


def send(method: str, url: str, body: bytes, headers: Mapping[str, str]) -> Union[bytes, OSError]:
    """Return the body of a good response, or what went wrong."""
    try:
        try:
            request = urllib.request.Request(url, body, dict(headers), method=method)
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
                content: bytes = response.read()
                return content
        except urllib.error.HTTPError as error:
            return OSError(f"{error.code} {error.read().decode('utf-8', 'replace').strip()}")
    except OSError as error:
        return error
    except (HTTPException, ValueError) as error:
        return OSError(f"{type(error).__name__}: {error}")


def sign(
    service: str, region: str, method: str, url: str, body: bytes, headers: Mapping[str, str], now: str
) -> Dict[str, str]:
    """Return the headers with date and signature; the path and query of the URL must be in their canonical form."""
    parts = urlsplit(url)
    lower = {"host": parts.netloc, "x-amz-date": now, **{name.lower(): text.strip() for name, text in headers.items()}}
    names = ";".join(sorted(lower))
    lines = [f"{name}:{lower[name]}" for name in sorted(lower)]
    digest = hashlib.sha256(body).hexdigest()
    canonical = "\n".join([method, parts.path or "/", parts.query, *lines, "", names, digest])
    scope = f"{now[:8]}/{region}/{service}/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{os.environ['AWS_SECRET_ACCESS_KEY']}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), "sha256").digest()
    signature = hmac.new(key, text.encode(), "sha256").hexdigest()
    credential = f"{os.environ['AWS_ACCESS_KEY_ID']}/{scope}"
    lower["authorization"] = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}"
    return lower
