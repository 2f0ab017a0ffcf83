"""The tool on a machine that grants it no sandbox."""

from __future__ import annotations

import sys
from typing import Any

from local_lambda.service import factory

makes_spec: Any = factory.spec
factory.spec = lambda *arguments: {**makes_spec(*arguments), "tmp": "/dev/null"}

from local_lambda.cli.arguments import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
