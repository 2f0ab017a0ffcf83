"""Benchmarks: how fast `local-lambda` is, beside a floor and beside any peer that speaks the RIE command line."""
