"""A helper process's tie to captty: messages go up, and it ends when captty does."""

import os
import threading
from typing import NoReturn

from tui.audio.microphone.messages import Message, packed


class Parent:
    """captty, as seen from a helper process.

    Standard output is for messages alone: what native libraries print there goes to standard
    error, which captty reads. The process ends with its standard input, wherever it hangs.
    """

    def __init__(self) -> None:
        self._messages = os.fdopen(os.dup(1), "wb")
        os.dup2(2, 1)
        threading.Thread(target=_end_with_parent, daemon=True).start()

    def tell(self, message: Message) -> None:
        """Send a message; blocks while captty reads nothing."""
        try:
            self._messages.write(packed(message))
            self._messages.flush()
        except BrokenPipeError:
            leave()


def leave() -> NoReturn:
    """End at once: closing a stream of a dead device may take for ever."""
    os._exit(0)


def _end_with_parent() -> None:
    while os.read(0, 4096):
        pass
    leave()
