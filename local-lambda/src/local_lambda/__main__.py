"""`python -m local_lambda` is the command `local-lambda`."""

import sys

from local_lambda.cli.arguments import main

sys.exit(main())
