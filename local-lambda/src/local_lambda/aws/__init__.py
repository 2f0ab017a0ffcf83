"""The local AWS endpoint (`local-lambda aws`): its own Lambda control plane; S3, IAM, STS, logs and X-Ray by moto."""
