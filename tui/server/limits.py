"""How much a client may ask of the server."""

from dataclasses import dataclass

from tui.captions import SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class Limits:
    """What protects the server and its other clients. Times are seconds."""

    streams: int = 8
    """Streams at a time; each has a process that keeps about half a core busy."""
    connections: int = 128
    """Sockets at a time, streams and those that have yet to say what they want."""
    handshake: float = 10.0
    """A connection that is no stream by then is closed."""
    message: int = 64 * 1024
    """Bytes of one message."""
    heartbeat: float = 20.0
    """Between pings; a client that does not answer one in half of that is gone."""
    sign: float = 4.0
    """Between signs of life to a client, whose own pings wait while nothing is read from it."""
    idle: float = 60.0
    """Without a message from the client."""
    session: int = 24 * 3600 * SAMPLE_RATE
    """Samples of one stream."""
    backlog: int = 10 * SAMPLE_RATE
    """Samples that wait for the worker; above it nothing is read from the client."""
    replies: int = 256
    """Replies that wait for a slow client; above it nothing is transcribed for it."""
    send: float = 10.0
    """For one message to a client that does not read."""
    mistakes: int = 100
    """Messages without sense at once; one more is forgiven each second."""
    stall: float = 55.0
    """For a worker to answer: to load its model, or to settle 15 s of speech on a busy machine."""
    farewell: float = 3.0
    """For the client to close after the last reply."""
    closing: float = 1.0
    """For the client to answer a close."""
