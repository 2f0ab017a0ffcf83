"""Lambda's HTTP APIs, a module per API and version: parse a request, call a verb, render its answer. No state here."""
