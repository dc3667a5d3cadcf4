"""Languages by code and by name, as people and servers write them."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.captions import clean
from tui.captions.languages import (
    LANGUAGES,
    OWN_NAMES,
    find_languages,
    language_code,
    language_name,
)

SPEC = Path(__file__).parents[4] / "shared" / "spec" / "wire-protocol.md"


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_code_and_every_name_is_understood(code: str) -> None:
    name = LANGUAGES[code]
    own = OWN_NAMES[code]
    spellings = [
        code,
        code.upper(),
        f" {code} ",
        name,
        name.upper(),
        name.lower(),
        own,
        own.upper(),
    ]
    assert {language_code(text) for text in spellings} == {code}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("en-US", "en"),
        ("pt_BR", "pt"),
        ("de_DE", "de"),
        ("zh-Hant", "zh-hant"),
        ("ZH_HANS", "zh-hans"),
        ("zh-TW", "zh"),
        ("haitian creole", "ht"),
        ("FRANÇAIS", "fr"),
        ("francais", "fr"),
        ("turkce", "tr"),
        ("日本語", "ja"),
        ("oleLo hawai'i", "haw"),
    ],
)
def test_regions_fall_back_to_their_language(text: str, code: str) -> None:
    assert language_code(text) == code


@pytest.mark.parametrize("text", ["", " ", "-", "xx", "klingon", "en glish", "e\x00n", "-en"])
def test_what_is_no_language(text: str) -> None:
    assert language_code(text) is None


def test_names_are_names_of_one_language_each() -> None:
    assert len(set(LANGUAGES.values())) == len(LANGUAGES)
    assert len(set(OWN_NAMES.values())) == len(LANGUAGES)


def test_own_names_can_be_drawn_as_they_are() -> None:
    assert all(clean(own) == own and own.isprintable() for own in OWN_NAMES.values())


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("de", ["de"]),
        ("DEUTSCH", ["de"]),
        ("francais", ["fr"]),
        ("Français", ["fr"]),
        ("日", ["ja"]),
        ("語", ["ja", "yue"]),
        ("ge", ["de", "ka"]),
        ("norsk", ["no", "nn"]),
        ("zh", ["zh", "zh-hant", "zh-hans"]),
        ("creole", ["ht"]),
        ("العر", ["ar"]),
        ("  tieng   viet ", ["vi"]),
    ],
)
def test_the_best_match_comes_first(text: str, first: list[str]) -> None:
    assert find_languages(text)[: len(first)] == first


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_language_is_found_by_all_its_names(code: str) -> None:
    assert find_languages(code)[0] == code
    assert find_languages(LANGUAGES[code])[0] == code
    assert code in find_languages(OWN_NAMES[code][:2])


def test_no_text_finds_all_and_nonsense_nothing() -> None:
    assert find_languages(" ") == list(LANGUAGES)
    assert find_languages("klingon") == []


@given(st.text())
def test_any_text_can_be_typed(text: str) -> None:
    assert set(find_languages(text)) <= set(LANGUAGES)
    assert language_code(text) in {None, *LANGUAGES}


def test_names_for_people() -> None:
    assert [language_name(code) for code in ("de", None, "tlh")] == ["German", "auto", "tlh"]


@pytest.mark.skipif(not SPEC.exists(), reason="the protocol's description is not beside the tree")
def test_the_languages_are_those_of_the_protocol() -> None:
    listed = SPEC.read_text("utf-8").split("absent = detect)\n")[-1].split("\n\n")[0]
    named = dict(re.findall(r"([a-z]{2,3}(?:-[a-z]+)?) ([A-Z][A-Za-z ]+)", listed))
    assert named == LANGUAGES
