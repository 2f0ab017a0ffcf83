"""A runtime that does nothing but tell where its Runtime API is: the test makes all requests itself."""

import os
import signal

print("runtime", os.getpid(), "at", os.environ["AWS_LAMBDA_RUNTIME_API"], flush=True)
while True:
    signal.pause()
