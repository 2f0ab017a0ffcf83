"""API Gateway: routes of REST and HTTP APIs in front of functions, in one application of the Invoke port."""
