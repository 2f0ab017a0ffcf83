"""The local AWS endpoint (`local-lambda aws`): Lambda's control plane here, S3, IAM, STS, logs and X-Ray by moto."""
