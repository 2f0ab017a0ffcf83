"""What is made of the events: console lanes and log lines, reports, recordings, traces. One module per rendering."""
