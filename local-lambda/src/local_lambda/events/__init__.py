"""What happened, as typed events, and the stream that takes them to the sinks."""
