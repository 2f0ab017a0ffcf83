"""Benchmarks: how fast `local-lambda` is, compared with a floor and with any peer that has the RIE's command line."""
