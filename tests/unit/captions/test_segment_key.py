"""Ids: the same segment however a server writes its number."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.captions import SegmentKey, clean, segment_key

INT64 = st.integers(min_value=2 - 2**63, max_value=2**63 - 2)


@pytest.mark.parametrize("raw", [7, 7.0, "7", " 07 ", "+7", "7\n", "\t007"])
def test_one_segment_in_all_spellings(raw: object) -> None:
    assert segment_key(3, raw) == SegmentKey(3, 7)


@given(INT64)
def test_numbers_and_their_text_are_one(number: int) -> None:
    assert segment_key(0, number) == segment_key(0, str(number)) == SegmentKey(0, number)


@given(st.lists(st.tuples(INT64, st.booleans())))
def test_order_is_numeric(ids: list[tuple[int, bool]]) -> None:
    keys = [segment_key(0, str(number) if as_text else number) for number, as_text in ids]
    assert [key.number for key in sorted(filter(None, keys))] == sorted(n for n, _ in ids)


def test_nine_comes_before_ten_and_text_behind_numbers() -> None:
    keys = [segment_key(0, raw) for raw in ("item_b", "10", 9, "item_a", "9223372036854775806")]
    read = [key.name or key.number for key in sorted(filter(None, keys))]
    assert read == [9, 10, 2**63 - 2, "item_a", "item_b"]


@pytest.mark.parametrize("number", [2**63 - 1, 2**64 - 1, 10**40, -(2**63), 1e300])
def test_numbers_beyond_64_bits_still_name_a_segment(number: int | float) -> None:
    key = segment_key(0, number)
    assert key is not None
    assert key == segment_key(0, str(int(number)))
    assert key.number < 2**63, "databases and JSON libraries take no larger number"


@pytest.mark.parametrize(
    "raw", [None, True, False, "", " ", "\x00", 7.5, float("nan"), float("inf"), [7], {"id": 7}]
)
def test_what_names_no_segment(raw: object) -> None:
    assert segment_key(0, raw) is None


@given(st.text(st.characters(codec=None, exclude_categories=())))
def test_names_are_clean(raw: str) -> None:
    key = segment_key(0, raw)
    assert key is None or ascii(key.name) == ascii(clean(key.name))
    assert key is None or len(key.name) <= 256


@given(st.integers(0, 5), st.integers(0, 5), INT64, INT64)
def test_connections_come_one_after_the_other(a: int, b: int, x: int, y: int) -> None:
    if a < b:
        assert SegmentKey(a, x) < SegmentKey(b, y)
