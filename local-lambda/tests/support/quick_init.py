"""The tool with an Init phase of at most two seconds, for tests of extensions that never complete it."""

from __future__ import annotations

import sys

from local_lambda import limits

limits.INIT_TIMEOUT_SECONDS = 2

from local_lambda.cli.arguments import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
