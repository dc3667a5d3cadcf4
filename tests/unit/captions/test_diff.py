"""What is marked after a revision: the words that a reader has read otherwise, and no more."""

import difflib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.captions import diff
from tui.captions.diff import revised_spans

WORD = st.text(st.sampled_from("abcdeéßжקナ漢あกิ가'"), min_size=1, max_size=4)
SENTENCE = st.lists(WORD, max_size=12).map(" ".join)
LATIN = st.lists(st.text(st.sampled_from("abcdé"), min_size=1, max_size=4), min_size=1, max_size=12)
PUNCTUATION = st.sampled_from(["", ",", ".", "?", "!", " —", "…", ":", " ?", " «"])


def marked(old: str, new: str) -> list[str]:
    return [new[start:end] for start, end in revised_spans(old, new)]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("I thing", "I think this", ["think"]),
        ("I think this is gold", "I think this is cold nice", ["cold"]),
        ("the cat sat", "the big cat sat", ["big"]),
        ("the cat sat", "the sat", []),
        ("recognise speech today", "wreck a nice beach today", ["wreck a nice beach"]),
        ("one two three four", "one deux three quatre", ["deux", "quatre"]),
        ("", "everything is new", []),
        ("all of it", "", []),
        ("hel", "hello", ["hello"]),
        ("it is cold", "It is cold.", []),
        ("i dont know", "I don't know!", []),
        ("ice cream is cold", "Ice-cream is cold", []),
        ("quoi oui", "Quoi ? Oui", []),
        ("istanbul ışık ılık", "İstanbul Işık ILIK", []),
        ("straße", "STRASSE", []),
        ("cafe\u0301", "caf\u00e9", []),
        ("今天天气很好", "今天天氣很好", ["氣"]),
        ("你好世界", "你好。世界!", []),
        ("これは雨です", "これは飴ですね", ["飴"]),
        ("สวัสดีครับ", "สวัสดีคริบ", ["ริ"]),
        ("안녕하세요 여러분", "안녕하십니까 여러분", ["안녕하십니까"]),
        ("مرحبا بكم", "مرحبا، بكم", []),
        ("…", "hello", []),
    ],
)
def test_by_example(old: str, new: str, expected: list[str]) -> None:
    assert marked(old, new) == expected


@given(SENTENCE, SENTENCE)
def test_spans_are_parts_of_the_text_in_order(old: str, new: str) -> None:
    end_before = -1
    for start, end in revised_spans(old, new):
        assert end_before < start < end <= len(new)
        assert new[start:end] == new[start:end].strip()
        end_before = end


@given(SENTENCE)
def test_equal_texts_show_nothing(text: str) -> None:
    assert revised_spans(text, text) == []


@given(SENTENCE, SENTENCE)
def test_a_continuation_is_new_not_revised(text: str, more: str) -> None:
    assert revised_spans(text, f"{text} {more}") == []


@given(LATIN, st.data())
def test_case_and_punctuation_are_no_revision(words: list[str], data: st.DataObject) -> None:
    change = st.sampled_from([str.upper, str.title, str.lower])
    written = [data.draw(change)(word) + data.draw(PUNCTUATION) for word in words]
    assert revised_spans(" ".join(words), " ".join(written)) == []
    assert revised_spans(" ".join(written), " ".join(words)) == []


@given(LATIN, st.data())
def test_spacing_is_no_revision(words: list[str], data: st.DataObject) -> None:
    joints = st.sampled_from([" ", "-", ""])
    joined = "".join(word + data.draw(joints) for word in words)
    assert revised_spans(" ".join(words), joined) == []


@given(LATIN, st.data())
def test_a_replaced_word_is_marked_alone(words: list[str], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(words) - 1))
    revised = [*words[:at], "xyz", *words[at + 1 :]]
    assert marked(" ".join(words), " ".join(revised)) == ["xyz"]


def test_five_thousand_words_take_bounded_work(monkeypatch: pytest.MonkeyPatch) -> None:
    aligned: list[int] = []

    class Counting(difflib.SequenceMatcher[str]):
        def __init__(self, junk: None, a: Sequence[str], b: Sequence[str], autojunk: bool) -> None:
            aligned.append(max(len(a), len(b)))
            super().__init__(junk, a, b, autojunk)

    monkeypatch.setattr(diff, "SequenceMatcher", Counting)
    old = [f"word{n}" for n in range(5_000)]
    assert marked(" ".join(old), " ".join([*old[:2_500], "other", *old[2_501:]])) == ["other"]
    assert marked(" ".join(old), " ".join(old[::-1]))
    assert marked(" ".join(old), " ".join(["first", *old[1:-1], "last", "more"])) != []
    assert marked("字" * 5_000, "字" * 2_500 + "句" + "字" * 2_499) == ["句"]
    assert all(tokens <= 200 for tokens in aligned)
