"""Lambda's HTTP APIs, one module per API and version: parse a request, call a verb, render the result. No state."""
