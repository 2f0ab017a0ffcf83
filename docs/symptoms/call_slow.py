"""Invokes the function Slow with a client that waits for one second, and tries twice."""

import botocore.session
from botocore.config import Config

config = Config(read_timeout=1, retries={"total_max_attempts": 2})
client = botocore.session.get_session().create_client(
    "lambda",
    "us-east-1",
    endpoint_url="http://127.0.0.1:8080",
    aws_access_key_id="dummy",
    aws_secret_access_key="dummy",
    config=config,
)
print(client.invoke(FunctionName="Slow"))
