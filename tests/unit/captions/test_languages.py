"""Languages by code and by name, as people and servers write them."""

import re
from pathlib import Path

import pytest

from tui.captions.languages import LANGUAGES, language_code

SPEC = Path(__file__).parents[4] / "shared" / "spec" / "wire-protocol.md"


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_code_and_every_name_is_understood(code: str) -> None:
    name = LANGUAGES[code]
    spellings = [code, code.upper(), f" {code} ", name, name.upper(), name.lower()]
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
    ],
)
def test_regions_fall_back_to_their_language(text: str, code: str) -> None:
    assert language_code(text) == code


@pytest.mark.parametrize("text", ["", " ", "-", "xx", "klingon", "en glish", "e\x00n", "-en"])
def test_what_is_no_language(text: str) -> None:
    assert language_code(text) is None


def test_names_are_names_of_one_language_each() -> None:
    assert len(set(LANGUAGES.values())) == len(LANGUAGES)


@pytest.mark.skipif(not SPEC.exists(), reason="the protocol's description is not beside the tree")
def test_the_languages_are_those_of_the_protocol() -> None:
    listed = SPEC.read_text("utf-8").split("absent = detect)\n")[-1].split("\n\n")[0]
    named = dict(re.findall(r"([a-z]{2,3}(?:-[a-z]+)?) ([A-Z][A-Za-z ]+)", listed))
    assert named == LANGUAGES
