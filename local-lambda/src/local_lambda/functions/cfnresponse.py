"""The module `cfnresponse`, which a function finds next to its code when that is text in the template.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-lambda-function-code-cfnresponsemodule.html
and, for the response, crpg-ref-responses.html there. The module on AWS sends with urllib3, this one with the standard
library. It is copied to the code and runs on the function's Python, 3.8 or newer, so it imports nothing of the package.
"""

from __future__ import annotations

import json
from http.client import HTTPException
from typing import Any
from urllib.request import Request, urlopen

SUCCESS = "SUCCESS"
FAILED = "FAILED"


def send(
    event: dict[str, Any],
    context: Any,
    responseStatus: str,
    responseData: dict[str, Any],
    physicalResourceId: str | None = None,
    noEcho: bool = False,
    reason: str | None = None,
) -> None:
    """Send the response to the request of a custom resource. A failure is printed, as on AWS."""
    document = {
        "Status": responseStatus,
        "Reason": reason or f"See the details in CloudWatch Log Stream: {context.log_stream_name}",
        "PhysicalResourceId": physicalResourceId or context.log_stream_name,
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
        "NoEcho": noEcho,
        "Data": responseData,
    }
    body = json.dumps(document).encode()
    print("Response body:", body.decode())
    # The type is part of the signature of the URL: it must be empty.
    try:
        request = Request(event["ResponseURL"], data=body, headers={"Content-Type": ""}, method="PUT")
        with urlopen(request) as response:
            print("Status code:", response.status)
    except (OSError, ValueError, HTTPException) as error:
        print("send(..) failed executing the request:", error)
