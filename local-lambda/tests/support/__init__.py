"""What the tests share: the tool as a process, fakes, listeners, functions and layers."""
