"""Renderings of the events: console lanes, log lines, reports, recordings, traces. One module per rendering."""
