"""The `segments` protocol, with the real engine and real recordings."""

import aiohttp
import pytest

from tests.unit.server.scripted import MODULE
from tests.unit.server.serving import (
    FINAL,
    FINAL_TRACE,
    SILENCE,
    clear,
    echoes,
    errors,
    hear_out,
    hear_until,
    is_final,
    pieces,
    recording,
    serving,
    streaming,
    texts,
    trace,
)


async def test_speech_goes_in_and_captions_come_out() -> None:
    async with serving() as address, streaming(address, "language=en") as ws:
        for chunk in pieces(recording("goforward.wav")):
            await ws.send_bytes(chunk)
        await ws.send_str(FINAL)
        heard = await hear_until(ws, is_final)
        assert texts(heard) == {"0": "go forward ten meters"}
        assert heard[-1] == {"checkpoint_id": "final"}
        await ws.close()
    assert ws.close_code == 1000
    assert {key for m in heard[:-1] for s in m["segments"] for key in s} == {
        "id",
        "text",
        "language",
    }


async def test_times_and_words_come_only_when_asked_for() -> None:
    query = "language=en&response_format=verbose_json&timestamp_granularities=word,segment"
    async with serving() as address, streaming(address, query) as ws:
        for chunk in pieces(recording("cards_001.wav")):
            await ws.send_bytes(chunk)
        await ws.send_str(FINAL_TRACE)
        heard = await hear_until(ws, echoes("final"))
    first, last = heard[0], heard[-2]
    assert not any(word["is_final"] for word in first["segments"][0]["words"])
    assert (last["text"], last["language"], last["task"]) == ("ten of clubs", "en", "transcribe")
    segment = last["segments"][0]
    words = segment["words"]
    assert [word["word"] for word in words] == ["ten", "of", "clubs"]
    assert all(word["is_final"] and 0 <= word["probability"] <= 1 for word in words)
    times = [segment["start"], *[w[k] for w in words for k in ("start", "end")], segment["end"]]
    assert times == sorted(times)
    assert 0 <= times[0] < times[-1] <= 1.2


async def test_a_trace_comes_back_behind_the_text_of_what_came_before_it() -> None:
    async with serving(MODULE) as address, streaming(address) as ws:
        for number in range(1, 20):
            await ws.send_bytes(SILENCE)
            await ws.send_str(trace(f"s:{number * 8_000}"))
        await ws.send_str(FINAL)
        heard = await hear_until(ws, is_final)
    state: dict[str, str] = {}
    for message in heard:
        state |= texts([message])
        if "trace_id" in message:
            assert message["trace_id"] == f"s:{sum(map(int, state.values()))}"
    assert sum("trace_id" in message for message in heard) == 19


async def test_clearing_settles_and_starts_afresh_on_the_same_timeline() -> None:
    query = "language=en&timestamp_granularities=word,segment"
    async with serving() as address, streaming(address, query) as ws:
        for _ in range(2):
            for chunk in pieces(recording("cards_001.wav")):
                await ws.send_bytes(chunk)
            await ws.send_str(clear("r1"))
            heard = await hear_until(ws, lambda m: m.get("object") == "stt.state.cleared")
            assert heard[-1]["reset_id"] == "r1"
            assert all(word["is_final"] for word in heard[-2]["segments"][0]["words"])
        await ws.send_str(FINAL)
        await hear_until(ws, is_final)
    segment = heard[-2]["segments"][0]
    assert (segment["id"], segment["text"]) == ("1", "ten of clubs")
    assert 1.0 < segment["start"] < segment["end"] < 2.3


@pytest.mark.parametrize("ends", [[FINAL], [FINAL, FINAL_TRACE], [FINAL_TRACE, FINAL]])
async def test_the_end_in_both_forms_is_answered_in_kind(ends: list[str]) -> None:
    async with serving(MODULE) as address, streaming(address) as ws:
        await ws.send_bytes(SILENCE)
        for end in ends:
            await ws.send_str(end)
        heard = await hear_until(ws, is_final if ends[-1] is FINAL else echoes("final"))
        answers = [m for m in heard if "segments" not in m]
        assert [is_final(m) for m in answers] == [end is FINAL for end in ends]
        assert "segments" in heard[0]
        await ws.close()
    assert ws.close_code == 1000


async def test_messages_without_sense_are_answered_and_change_nothing() -> None:
    frames: list[str | bytes] = [b"\0", "no json", "[]", '{"type": "KeepAlive"}', "{" * 9_000]
    async with serving(MODULE) as address, streaming(address) as ws:
        for frame in frames:
            await (ws.send_bytes(frame) if isinstance(frame, bytes) else ws.send_str(frame))
        await ws.send_bytes(SILENCE)
        await ws.send_str(FINAL)
        heard = await hear_until(ws, is_final)
    assert errors(heard) == ["invalid_message"] * len(frames)
    assert texts(heard) == {"0": "8000"}


@pytest.mark.parametrize(
    ("language", "named"), [("de", "pocketsphinx"), ("tlh", "tlh"), ("%00%1b[31m", "language")]
)
async def test_a_language_that_cannot_be_had_is_refused_in_words(language: str, named: str) -> None:
    async with serving() as address, streaming(address, f"language={language}") as ws:
        heard = await hear_out(ws)
    assert errors(heard) == ["language_not_supported"]
    message = heard[0]["error"]["message"]
    assert named in message
    assert message.isprintable()
    assert ws.close_code == 1008


@pytest.mark.parametrize("language", ["", "language=en-US"])
async def test_english_has_many_names(language: str) -> None:
    async with serving() as address, streaming(address, language) as ws:
        await ws.send_str(FINAL)
        assert await hear_until(ws, is_final) == [{"checkpoint_id": "final"}]


async def test_health_says_what_runs_and_no_more() -> None:
    async with (
        serving(MODULE, token="secret") as address,
        aiohttp.ClientSession() as http,
        streaming(address, headers={"Authorization": "secret"}) as ws,
    ):
        async with http.get(f"http://{address}/health") as answer:
            assert await answer.json() == {
                "status": "ok",
                "engine": "scripted",
                "streams": 1,
                "limit": 8,
            }
        await ws.close()
