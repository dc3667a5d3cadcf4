"""Wrapped text fits its rows by any measure, breaks where readers expect it, and loses nothing."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from wcwidth import iter_graphemes, wcswidth

from tui.captions.diff import Span
from tui.widgets.wrap import Measured, cells

LANGUAGES = {
    "English": "The captions appear while the speaker is still talking, word by word.",
    "French": "Bonjour ! « Les sous-titres », dit-elle, coûtent 50 % moins cher ; vraiment ?",
    "Russian": "Субтитры появляются, пока докладчик ещё говорит: слово за словом.",
    "Arabic": "تَظهَرُ التَّرجَمَةُ على الشّاشَةِ بينما يَتَكَلَّمُ المُتَحَدِّثُ كَلِمَةً كَلِمَةً.",
    "Hebrew": "הכּתוּביות מופיעות בזמן שהדובר עדיין מדבר, מילה אחר מילה.",
    "Persian": "زیرنویس‌ها هم‌زمان با سخن‌رانی نمایش داده می‌شوند.",
    "Hindi": "नमस्ते, हिन्दी में उपशीर्षक बोलते समय ही स्क्रीन पर दिखाई देते हैं।",
    "Bengali": "বক্তা কথা বলার সময়ই পর্দায় শব্দে শব্দে সাবটাইটেল দেখা যায়।",
    "Tamil": "பேச்சாளர் பேசிக்கொண்டிருக்கும்போதே வசனங்கள் திரையில் தோன்றுகின்றன.",
    "Japanese": "これはテストです。「字幕」は、ゆっくり、はっきりと表示されますか？はい！ー",
    "Chinese": "演讲者还在说话，字幕就已经出现在屏幕上了：一个词、又一个词。",
    "Korean": "발표자가 말하는 동안 자막이 한 단어씩 화면에 나타납니다.",
    "Thai": "คำบรรยายปรากฏบนหน้าจอขณะที่ผู้บรรยายยังคงพูดอยู่ทีละคำ เร็วๆ นี้",
    "Khmer": "អក្សររត់បង្ហាញនៅលើអេក្រង់ខណៈពេលដែលវាគ្មិនកំពុងនិយាយ។",
    "Myanmar": "ဟောပြောသူ ပြောနေစဉ် စာတန်းထိုးများ မျက်နှာပြင်ပေါ်တွင် ပေါ်လာသည်။",
    "Emoji": "Great talk 👏🏽👏🏽 from the family 👩‍👩‍👧‍👦 in 🇫🇷 and 🇯🇵 with ❤️ and 1️⃣ wish",
}
HOSTILE = st.text(
    st.sampled_from(
        "ab1#  .,!?()«»—日本、。「」ッーกเำน้ाकि्नก한글עּت🙂👩🇩🇪\u200b\u200d\ufe0f\u0301\u2060"
    )
)


def wrapped(text: str, width: int) -> list[str]:
    return [text[start:end] for start, end in Measured(text).rows(width)]


@pytest.mark.parametrize("text", LANGUAGES.values(), ids=LANGUAGES)
def test_languages_fit_their_rows_by_both_measures_and_lose_nothing(text: str) -> None:
    for width in range(20, 121):
        rows = wrapped(text, width)
        assert "".join(rows).replace(" ", "") == text.replace(" ", "")
        for row in rows:
            assert cell_len(row) <= width
            assert wcswidth(row) <= width
            assert row[0] not in "。、」！？ーっッゃ,.;:!?%»ๆำ"
            assert row[-1] not in "「（«เแ\u17d2"


@pytest.mark.parametrize("text", LANGUAGES.values(), ids=LANGUAGES)
def test_no_row_ends_inside_a_grapheme(text: str) -> None:
    edges = {0}
    for grapheme in iter_graphemes(text):
        edges.add(max(edges) + len(grapheme))
    for width in (2, 7, 20):
        assert {edge for row in Measured(text).rows(width) for edge in row} <= edges


@given(HOSTILE.map(lambda text: " ".join(text.split())), st.integers(2, 60))
@settings(max_examples=400)
def test_rows_cover_the_text_and_fit_the_pane(text: str, width: int) -> None:
    measured, behind = Measured(text), 0
    for start, end in measured.rows(width):
        assert not text[behind:start].strip(" ")
        row = text[start:end]
        assert row == row.strip(" ")
        assert cell_len(row) <= width or width < 6
        behind = end
    assert behind == len(text)


@given(st.lists(st.text("abcdef", min_size=1, max_size=12)), st.integers(12, 40))
def test_words_are_wrapped_greedily(words: list[str], width: int) -> None:
    rows: list[str] = [""]
    for word in words:
        longer = f"{rows[-1]} {word}" if rows[-1] else word
        if len(longer) <= width:
            rows[-1] = longer
        else:
            rows.append(word)
    assert wrapped(" ".join(words), width) == rows


def test_japanese_punctuation_stays_with_its_text() -> None:
    assert wrapped("これはテストです。はい", 16) == ["これはテストで", "す。はい"]
    assert wrapped("彼は「はい」と言った", 6) == ["彼は", "「は", "い」と", "言った"]


def test_punctuation_behind_a_space_does_not_begin_a_row() -> None:
    assert wrapped("Vous venez bien ce soir ?", 23) == ["Vous venez bien ce", "soir ?"]


def test_a_word_wider_than_the_row_is_cut_between_graphemes() -> None:
    assert wrapped("so Donaudampfschifffahrt it is", 10) == [
        "so",
        "Donaudampf",
        "schifffahr",
        "t it is",
    ]
    assert wrapped("👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧", 4) == ["👩‍👩‍👧👩‍👩‍👧", "👩‍👩‍👧"]


def test_a_text_keeps_no_break_spaces_together() -> None:
    assert wrapped("about 20\u00a0000 words", 9) == ["about", "20\u00a0000", "words"]


def test_a_zero_width_space_allows_a_break() -> None:
    assert wrapped("abc\u200bdef", 4) == ["abc\u200b", "def"]


def test_nothing_takes_one_row() -> None:
    assert Measured("").rows(10) == [Span(0, 0)]


@pytest.mark.parametrize("word", ["a", "語", "नि", "👩‍👩‍👧"], ids=ascii)
def test_a_megabyte_without_a_space_is_wrapped(word: str) -> None:
    text = word * (1_000_000 // len(word.encode()))
    rows = Measured(text).rows(80)
    assert rows[-1].end == len(text)
    assert all(cells(text[start:end]) <= 80 for start, end in rows[:3])
