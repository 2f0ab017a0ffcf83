"""The row for event sources: messages of a queue of SQS until the function has processed them and they are deleted.

The queue is that of `local-lambda start --aws`. Messages are sent while the function works, as a producer would.
"""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path

from benchmarks import processes
from benchmarks.candidates import NotReady, Setup, running, write_template
from benchmarks.figures import Figure, Samples, compare

BATCHES = (1, 10)
"""The batch sizes that are compared."""
MESSAGES = 500
SECONDS = 60.0
ACCOUNT = "123456789012"


class Queue:
    """A queue on the local AWS endpoint at `port`."""

    def __init__(self, port: int, name: str) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=SECONDS)
        self._url = f"http://127.0.0.1:{port}/{ACCOUNT}/{name}"

    def call(self, operation: str, **members: object) -> dict[str, object]:
        """Call an operation of SQS."""
        headers = {
            "Authorization": "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/sqs/aws4_request, Signature=0",
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": f"AmazonSQS.{operation}",
        }
        self._connection.request("POST", "/", json.dumps({"QueueUrl": self._url, **members}), headers)
        answer = self._connection.getresponse()
        document: dict[str, object] = json.loads(answer.read() or b"{}")
        if answer.status != 200:
            raise NotReady(f"{operation}: {document}")
        return document

    def rate(self) -> float:
        """Send messages; return how many a second were processed and deleted. Raises NotReady after a minute."""
        begin = time.perf_counter()
        for first in range(0, MESSAGES, 10):
            entries = [{"Id": str(number), "MessageBody": f"message {number}"} for number in range(first, first + 10)]
            self.call("SendMessageBatch", Entries=entries)
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        empty_at = 0.0
        while True:
            left = self.call("GetQueueAttributes", AttributeNames=names)["Attributes"]
            assert isinstance(left, dict)
            seconds = time.perf_counter() - begin
            if any(int(number) for number in left.values()):
                empty_at = 0.0
            elif empty_at:  # a message that becomes visible while they are counted is in neither number: 0 counts twice
                return MESSAGES / empty_at
            else:
                empty_at = seconds
            if seconds > SECONDS:
                raise NotReady(f"after {seconds:.0f} s the queue still has {left}")
            time.sleep(0.1)


def queue(setup: Setup, effort: float) -> list[Figure]:
    """Messages per second by batch size; the function echoes each batch."""
    rates = {f"local-lambda start --aws, batches of {size}": Samples() for size in BATCHES}
    try:
        with ExitStack() as stack:
            port, aws = processes.free_port(), processes.free_port()
            template = _template(setup)
            command = [setup.tool, "start", "-t", str(template), "--port", str(port), "--aws", str(aws)]
            command += ["--python", setup.python, "--max-environments", "2"]
            stack.enter_context(running("queues", command, port, setup, f"Echo{BATCHES[0]}"))
            queues = {name: Queue(aws, f"Queue{size}") for name, size in zip(rates, BATCHES, strict=True)}
            for each in queues.values():  # so that every environment exists and is warm
                each.rate()
            for _ in range(max(2, int(10 * effort))):
                for name, each in queues.items():
                    rates[name].values.append(each.rate())
    except (NotReady, OSError) as error:
        setup.left_out.append(f"queue: {error}")
        return []
    return compare("messages of SQS", "/s", rates)


def _template(setup: Setup) -> Path:
    """A template with a queue and a function for each batch size."""
    events = {
        f"Echo{size}": {
            "Events": {
                "Work": {"Type": "SQS", "Properties": {"Queue": {"Fn::GetAtt": f"Queue{size}.Arn"}, "BatchSize": size}}
            }
        }
        for size in BATCHES
    }
    template = write_template(setup.folder / "queues", events, setup.python)
    document = json.loads(template.read_text())
    for size in BATCHES:
        document["Resources"][f"Queue{size}"] = {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": 60}}
    template.write_text(json.dumps(document, indent=2))
    return template
