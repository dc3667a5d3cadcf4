"""The embedded server: speech recognition over the `segments` protocol, as a process of its own."""
