"""The tool on a machine that does not grant a sandbox."""

from __future__ import annotations

import sys
from typing import Any

from local_lambda.service import foundation

makes_spec: Any = foundation.spec
foundation.spec = lambda *arguments: {**makes_spec(*arguments), "tmp": "/dev/null"}

from local_lambda.cli.arguments import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
