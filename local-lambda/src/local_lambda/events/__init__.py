"""Typed events that report what happened, and the stream that delivers them to the sinks."""
