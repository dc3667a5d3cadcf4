"""Microphones and what a computer plays: heard in helper processes, so that no driver hangs captty.

`devices` lists and chooses, `source` listens. `listing`, `record` and `watch` are the processes.
"""
