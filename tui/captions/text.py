"""Untrusted text made safe to show, save and export."""

import re
import unicodedata

LONGEST_TEXT = 100_000
"""Characters kept of one text: hours of speech in a single segment."""

_CUT = "… [cut]"
_LONGEST_MARKS = 8
_SPACES = re.compile(r"[\t\n\v\f\r\x85\u2028\u2029 ]+")
_FORBIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # C0, DEL and C1 controls: terminals act on them
    "\u202a-\u202e"  # embeddings and overrides reorder what stands around them
    "\ufdd0-\ufdef\ufff9-\ufffb"  # noncharacters, annotations
    "\U000e0000-\U000e007f]"  # tags: invisible, but for those that make a black flag Scotland's
    "|(\U0001f3f4[\U000e0030-\U000e007a]{1,6}\U000e007f)"
)
_ISOLATES = re.compile("[\u2066-\u2069]")
_SURROGATES = re.compile("[\ud800-\udfff]")


def clean(text: str, limit: int = LONGEST_TEXT) -> str:
    """The text as one line without anything a terminal or a subtitle player would act on.

    White space becomes single spaces; control characters, bidirectional overrides and unbalanced
    isolates go; lone surrogates become U+FFFD. At most `limit` characters stay, those that show
    the cut included.
    """
    cut = len(text) > limit
    text = _SPACES.sub(" ", text[: limit - len(_CUT)] if cut else text)
    if not (text.isascii() and text.isprintable()):
        text = _unforbidden(text)
    return text.strip() + (_CUT if cut else "")


def _unforbidden(text: str) -> str:
    text = _SURROGATES.sub("\ufffd", _FORBIDDEN.sub(r"\1", text))
    if not _isolates_balance(text):
        text = _ISOLATES.sub("", text)
    if not text.isascii():
        text = _shortened_marks(text)
    return _SPACES.sub(" ", text)


def _isolates_balance(text: str) -> bool:
    depth = 0
    for match in _ISOLATES.finditer(text):
        depth += -1 if match.group() == "\u2069" else 1
        if depth < 0:
            return False
    return depth == 0


def _shortened_marks(text: str) -> str:
    """Without the stacks of combining marks that would paint over neighbouring rows."""
    kept: list[str] = []
    run = 0
    for char in text:
        category = unicodedata.category(char)
        if category in ("Mn", "Me"):
            run += 1
        elif category != "Cf":  # joiners are invisible: the next mark still lands on the stack
            run = 0
        if run <= _LONGEST_MARKS:
            kept.append(char)
    return "".join(kept)


def length_text(seconds: float) -> str:
    """A length for people: `0.4 s`, `12 s`, `3 min 5 s`."""
    if seconds < 0.95:
        return f"{max(seconds, 0.1):.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return " ".join(f"{count} {unit}" for count, unit in ((minutes, "min"), (rest, "s")) if count)
