"""Clean text: nothing left that a terminal or a player acts on, nothing lost that people read."""

import unicodedata
from itertools import groupby

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tui.captions import clean

ANYTHING = st.text(
    st.one_of(
        st.characters(codec=None, exclude_categories=()),
        st.sampled_from(
            " \t\r\n\x1b\x07\x85\x9b\u2028\u2029\u202e\u2066\u2067\u2068\u2069\u200b\u200c\u200d"
            "\u200e\u200f\u00a0\u3000\u0301\u0489\u034f\ufe0f\ud800\udfff\ufdd0\U000e0067"
            "\U000e007f\U0001f3f4"
        ),
    )
)
ORDINARY = {
    "English": "He said “don't”, and left: 3.5 % of $1,000 — I'd say so…",
    "German": "Größere Straßen führen übers Gebirge.",
    "Turkish": "Iğdır'da İstanbul'dan gelen ışık",
    "Vietnamese": "Tiếng Việt có nhiều dấu thanh",
    "Vietnamese, decomposed": unicodedata.normalize("NFD", "Tiếng Việt có nhiều dấu thanh"),
    "Russian": "Съешь же ещё этих мягких булок",
    "Greek": "Ξεσκεπάζω την ψυχοφθόρα βδελυγμία",
    "Arabic": "السَّلامُ عَلَيْكُمْ، كَيْفَ حالُك؟",
    "Hebrew": "שָׁלוֹם עוֹלָם, מַה שְּׁלוֹמֵךְ?",
    "Persian": "می\u200cخواهم به خانه بروم",
    "Hindi": "नमस्ते, आप कैसे हैं? क्\u200dष",
    "Bengali": "আমি বাংলায় গান গাই",
    "Thai": "สวัสดีครับ\u200bผมชื่อสมชาย",
    "Chinese": "今天天气很好,我们去公园吧。",
    "Japanese": "「これはテストです」って、言ったよ。ガ",
    "Korean": "안녕하세요, 반갑습니다.",
    "Tamil": "வணக்கம், எப்படி இருக்கிறீர்கள்?",
    "directions": "a\u200e b\u200f c\u061c \u2068שלום\u2069",
    "emoji": "👩‍👩‍👧 ❤️‍🔥 👍🏽 🇩🇪 1️⃣ 🏳️‍🌈 ☂︎",
    "flag of Scotland": "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
}


@given(ANYTHING)
@example("a\u0301" + "\u0301\u200d" * 40)
@example("\u2066\u2069\u2069")
@example("a \x00 b")
@example("🏴\x00\U000e0067\U000e0062\U000e007f")
def test_nothing_acts_on_a_terminal(text: str) -> None:
    cleaned = clean(text)
    assert cleaned.splitlines() in ([], [cleaned])
    categories = {unicodedata.category(char) for char in cleaned}
    assert categories.isdisjoint({"Cc", "Cs", "Zl", "Zp"})
    assert not set(cleaned) & set("\u202a\u202b\u202c\u202d\u202e\x7f")
    assert "  " not in cleaned
    assert cleaned == cleaned.strip()
    assert isolates_balance(cleaned)
    assert highest_stack(cleaned) <= 8


def isolates_balance(text: str) -> bool:
    depth = 0
    for char in text:
        depth += (char in "\u2066\u2067\u2068") - (char == "\u2069")
        if depth < 0:
            return False
    return depth == 0


def highest_stack(text: str) -> int:
    visible = [char for char in text if unicodedata.category(char) != "Cf"]
    runs = groupby(visible, lambda char: unicodedata.category(char) in ("Mn", "Me"))
    return max((len(list(run)) for is_mark, run in runs if is_mark), default=0)


@given(ANYTHING, st.integers(min_value=20, max_value=40))
@example(" " * 9 + "x" * 40, 20)
@example("x" * 12 + "\x00" * 40, 20)
def test_cleaning_twice_changes_nothing_and_the_limit_holds(text: str, limit: int) -> None:
    cleaned = clean(text, limit)
    assert ascii(clean(cleaned, limit)) == ascii(cleaned)
    assert len(cleaned) <= limit


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1))
def test_printable_words_stay_as_they_are(text: str) -> None:
    assert clean(f"  {text}\r\n\t{text} ") == f"{text} {text}"


@pytest.mark.parametrize("language", ORDINARY)
def test_what_people_write_stays_as_it_is(language: str) -> None:
    assert clean(ORDINARY[language]) == ORDINARY[language]


@pytest.mark.parametrize(
    ("dirty", "cleaned"),
    [
        ("\x1b]0;owned\x07hi", "]0;ownedhi"),
        ("\x9b31mred\x1b[0m", "31mred[0m"),
        ("one\r\ntwo\u2028three\x0bfour\x85five", "one two three four five"),
        ("abc\u202etxt.exe\u202c", "abctxt.exe"),
        ("a\u2067b", "ab"),
        ("\u2069a\u2066", "a"),
        ("half \ud83d of a pair", "half \ufffd of a pair"),
        ("\U000e0041\U000e0042plain", "plain"),
        ("[/] [@click=app.quit]x[/]", "[/] [@click=app.quit]x[/]"),
        ("\x00\x08 \x7f", ""),
    ],
)
def test_hostile_text(dirty: str, cleaned: str) -> None:
    assert ascii(clean(dirty)) == ascii(cleaned)


def test_a_word_of_a_megabyte_is_cut_where_people_see_it() -> None:
    cleaned = clean("x" * 2**20)
    assert len(cleaned) <= 100_000
    assert cleaned.endswith("x… [cut]")


def test_marks_cannot_pile_up_over_the_rows_above() -> None:
    for glue in ("", "\u200d", "\u200c", "\u2060", "\u200e"):
        assert clean("a" + ("\u0300" + glue) * 500 + "b").count("\u0300") == 8
