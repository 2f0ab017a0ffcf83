"""The tool on a machine that does not grant a sandbox, or not while the file named by `NO_SANDBOX_WHILE` exists."""

from __future__ import annotations

import os
import sys
from typing import Any

from local_lambda.service import foundation

makes_spec: Any = foundation.spec
while_there = os.environ.get("NO_SANDBOX_WHILE", "/")


def spec(*arguments: Any) -> Any:
    """A description of a sandbox that cannot be created, because its `/tmp` is not a folder."""
    described = makes_spec(*arguments)
    return {**described, "tmp": "/dev/null"} if os.path.exists(while_there) else described


foundation.spec = spec

from local_lambda.cli.arguments import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
