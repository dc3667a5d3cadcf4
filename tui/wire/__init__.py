"""Protocol adapters without I/O: frames and JSON on one side, the domain's updates on the other."""
