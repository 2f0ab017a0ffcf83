"""HTTP/1.1 and listening sockets."""
