"""Messages between the server and a worker: length-prefixed msgpack over pipes."""

import struct
from typing import BinaryIO

import msgspec

from tui.server.engines import Hypothesis

LENGTH = struct.Struct("<I")
"""The prefix of a message: how many bytes follow."""


class Begin(msgspec.Struct, tag=True, frozen=True):
    """The first request: load the models for a stream."""

    language: str | None
    prompt: str


class Feed(msgspec.Struct, tag=True, frozen=True):
    """Recognise more audio: PCM16 mono at 16 000 Hz."""

    pcm: bytes


class Finish(msgspec.Struct, tag=True, frozen=True):
    """Settle what is open; what follows is a fresh context."""


Request = Begin | Feed | Finish


class Answer(msgspec.Struct, tag=True, frozen=True):
    """One request has been carried out; this is what is new or changed."""

    hypotheses: tuple[Hypothesis, ...] = ()


class Failure(msgspec.Struct, tag=True, frozen=True):
    """The engine failed, and the worker ends."""

    reason: str


Reply = Answer | Failure

_encoder = msgspec.msgpack.Encoder()
_requests = msgspec.msgpack.Decoder(Request)
_replies = msgspec.msgpack.Decoder(Reply)


def packed(message: Request | Reply) -> bytes:
    """A message as it travels, with its length in front."""
    payload = _encoder.encode(message)
    return LENGTH.pack(len(payload)) + payload


def reply(payload: bytes) -> Reply:
    """The reply in a payload. Raises `msgspec.MsgspecError` where it is none."""
    decoded: Reply = _replies.decode(payload)
    return decoded


def read_request(source: BinaryIO) -> Request | None:
    """Wait for the next request; `None` where the other side has gone."""
    prefix = source.read(LENGTH.size)
    if len(prefix) < LENGTH.size:
        return None
    size = LENGTH.unpack(prefix)[0]
    payload = source.read(size)
    return _requests.decode(payload) if len(payload) == size else None
