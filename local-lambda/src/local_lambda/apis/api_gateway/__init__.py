"""API Gateway: the routes of REST and HTTP APIs to functions, as one application of the Invoke port."""
