"""Response streaming with AWS's runtime interface client for Node.js, which this project has not written."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from support.streaming import events, payload
from support.tool import Tool, serving

CLIENT = "aws-lambda-ric@4.0.2"
"""AWS's runtime interface client for Node.js, which streams."""
HANDLER = """
export const handler = awslambda.streamifyResponse(async (event, output) => {
  if (event.how === "prelude") {
    output = awslambda.HttpResponseStream.from(output, { statusCode: 201, headers: { "x-made-by": "node" } });
  }
  output.write("first ");
  if (event.how === "error") throw new RangeError("no second piece");
  output.write("second");
  output.end();
});
"""


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tool]:
    """AWS's runtime interface client for Node.js."""
    missing = [name for name in ("node", "npm") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"there is no {' and no '.join(missing)}")
    folder = tmp_path_factory.mktemp("node")
    (folder / "app.mjs").write_text(HANDLER)
    command = ["npm", "install", "--no-audit", "--no-fund", CLIENT]
    installed = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if installed.returncode != 0:
        pytest.skip(f"{CLIENT} cannot be installed: {installed.stderr.strip().rpartition(chr(10))[2]}")
    program = folder / "node_modules/aws-lambda-ric/index.mjs"
    variables = {"_HANDLER": "app.handler", "LAMBDA_TASK_ROOT": str(folder)}
    with serving("exec", "--", "node", program, cwd=folder, variables=variables) as tool:
        yield tool


def test_node_streams(node: Tool) -> None:
    """AWS's client, with the type that it sets."""
    found = events(node, {})
    assert payload(found) == b"first second"
    assert found[-1] == {"InvokeComplete": {}}


def test_node_sends_the_head_of_an_http_response(node: Tool) -> None:
    """The prelude that function URLs read is part of the stream."""
    prelude, _, body = payload(events(node, {"how": "prelude"})).partition(bytes(8))
    assert json.loads(prelude)["statusCode"] == 201
    assert body == b"first second"


def test_node_error_in_the_middle_is_in_the_end(node: Tool) -> None:
    """What was written before it has arrived."""
    found = events(node, {"how": "error"})
    assert payload(found) == b"first "
    complete = found[-1]["InvokeComplete"]
    details = json.loads(complete["ErrorDetails"])
    assert (details["errorType"], details["errorMessage"]) == ("RangeError", "no second piece")
    assert complete["ErrorCode"]
