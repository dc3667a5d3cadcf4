"""The terminal that keys come from while sound comes in on standard input."""

import os
import termios
from contextlib import suppress

_TERMINAL = "/dev/tty"


def has_controlling_terminal() -> bool:
    """Whether there is a terminal to take keys from, wherever standard input comes from."""
    with suppress(OSError):
        os.close(os.open(_TERMINAL, os.O_RDWR | os.O_NOCTTY))
        return True
    return False


def take_standard_input() -> int:
    """Move the sound on standard input to another descriptor, and put the terminal in its place.

    Call it before the screen starts, which reads its keys from descriptor 0. Where there is no
    terminal, nothing is to be read there. Returns the new descriptor, which is closed on exec.
    Raises `OSError` where standard input is closed.
    """
    sound = os.dup(0)
    try:
        keys = os.open(_TERMINAL, os.O_RDWR | os.O_NOCTTY)
    except OSError:
        keys = os.open(os.devnull, os.O_RDONLY)
    os.dup2(keys, 0)
    os.close(keys)
    return sound


class Keyboard:
    """The terminal's settings while the screen is shown, held against who shares the terminal.

    A producer such as ffmpeg sets the terminal up for keys of its own, and back when it ends: then
    no key reaches the screen before Enter is pressed, and ctrl+q never does.
    """

    def __init__(self) -> None:
        """Take the settings as the screen has just made them. Raises `termios.error`."""
        self._screen = termios.tcgetattr(0)
        self._shell: list[int | list[bytes | int]] | None = None

    def hold(self) -> None:
        """Make the settings again where another program has changed them; to be called often."""
        with suppress(termios.error, OSError):
            now = termios.tcgetattr(0)
            if now != self._screen and os.tcgetpgrp(0) == os.getpgrp():
                self._shell = now
                termios.tcsetattr(0, termios.TCSANOW, self._screen)

    def restore(self) -> None:
        """Leave the terminal, behind the screen, as the other program wanted to leave it."""
        if self._shell is not None:
            with suppress(termios.error, OSError):
                termios.tcsetattr(0, termios.TCSANOW, self._shell)
