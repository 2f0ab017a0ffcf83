"""X-Ray: the UDP port, segments, and the tree of a trace."""
