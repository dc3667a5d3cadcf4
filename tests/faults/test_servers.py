"""Live sound, and a server that fails in every way a server can fail; nothing scaled down."""

import json
import time
from collections.abc import Callable

import pytest

from tests.faults.conftest import Begin
from tests.faults.server import (
    Act,
    Manner,
    OracleServer,
    Script,
    Stream,
    fall_mute,
    hang_up,
    oracle_server,
    repeat_all,
    reset,
    say,
    stop_reading,
)
from tests.faults.trial import NOTICED_WITHIN, Trial
from tui.captions import EventKind
from tui.live.feed import State

SECONDS = 60
SPEED = 20.0
GARBAGE: tuple[str | bytes, ...] = (
    "{",
    "null",
    "[" * 200_000,
    '{"a":' * 50_000,
    b"\xff\xfe\x00",
    '{"segments": null}',
    '{"segments": [null, 1, "x", {"id": null, "text": "no"}, {"id": 3}]}',
    '{"segments": [{"id": ' + "9" * 5000 + "}]}",
    '{"segments": [{"id": "x", "text": 5, "start": NaN, "end": 1e999}]}',
    '{"object": "stt.output.trace", "trace_id": "s:999999999999999999999"}',
    '{"object": "stt.output.trace", "trace_id": {"s": 1}}',
    '{"object": "something new", "\\ud800": "\\udfff"}',
)


def silence(stream: Stream) -> None:
    stream.mute = True


def stall(stream: Stream) -> None:
    stream.reading.clear()


@pytest.mark.parametrize(
    ("name", "fault"),
    [("4 server stops reading", stall), ("5 server reads and says nothing more", silence)],
    ids=["stops-reading", "mute"],
)
async def test_a_server_that_stands_still_is_noticed(
    trial: Begin, name: str, fault: Callable[[Stream], None]
) -> None:
    async with oracle_server(Script(words_a_segment=3)) as server:
        one = trial(name, server.endpoint(), 600, paced=True)
        await one.begin(5)
        one.strike()
        fault(server.streams[-1])
        await one.until(lambda: one.noticed is not None or _behind(one), NOTICED_WITHIN)
        await one.until_noticed(15)
        one.heal()
        await one.until_it_goes_on(20)
        await one.stop()
        one.assert_exact()


def _behind(one: Trial) -> bool:
    """Whether the status line tells of a lag that no working server has."""
    return (one.last.progress.lag or 0) >= 8


@pytest.mark.parametrize("echo", [True, False], ids=["with-echoes", "without-echoes"])
async def test_silence_is_no_fault(trial: Begin, echo: bool) -> None:
    async with oracle_server(Script(echo=echo, words_a_segment=2)) as server:
        name = f"5 nothing is said for 25 s, {'with' if echo else 'without'} echoes"
        one = trial(name, server.endpoint(), 40, paced=True, silent=range(6, 31))
        await one.begin()
        one.strike()
        await one.over()
    one.assert_exact(reconnects=False)


async def through(trial: Begin, name: str, *manners: Manner, script: Script | None = None) -> Trial:
    """A minute of sound at twenty times its speed, whose server has these manners at first."""
    script = script or Script()
    script.speed, script.manners = SPEED, list(manners)
    async with oracle_server(script) as server:
        one = trial(name, server.endpoint(), SECONDS)
        await one.run()
        one.note = f"{len(server.attempts)} connections"
    return one


@pytest.mark.parametrize("code", [1000, 1001, 1011, 1012, 1013, 4000])
async def test_a_server_that_closes_is_taken_at_its_word(trial: Begin, code: int) -> None:
    one = await through(
        trial, f"2 server closes with {code}", Manner(at_second={13: hang_up(code, "moving")})
    )
    one.assert_exact()
    assert any("moving" in reason for reason in one.reasons)


@pytest.mark.parametrize("code", [1003, 1008])
async def test_a_server_that_forbids_ends_the_session_and_the_audio_is_kept(
    trial: Begin, code: int
) -> None:
    script = Script(speed=SPEED, manners=[Manner(at_second={13: hang_up(code, "not allowed")})])
    async with oracle_server(script) as server:
        one = trial(f"9 server closes with {code}", server.endpoint(), SECONDS)
        await one.run()
    assert one.last.state is State.FAILED
    assert "not allowed" in one.last.reason
    assert len(server.attempts) == 1
    assert one.text == one.said[: len(one.text)]
    assert one.spool


@pytest.mark.parametrize(
    ("status", "after"), [(408, 0), (429, 2), (500, 0), (502, 0), (503, 2), (504, 0)]
)
async def test_a_server_without_room_is_asked_again(
    trial: Begin, status: int, after: float
) -> None:
    headers = {"Retry-After": str(after)} if after else {}
    script = Script(speed=SPEED, manners=[Manner(at_second={13: reset}), Manner(status, headers)])
    async with oracle_server(script) as server:
        one = trial(f"9 {status} at the upgrade", server.endpoint(), SECONDS)
        await one.run()
    one.assert_exact()
    waited = server.attempts[2] - server.attempts[1]
    one.note = f"asked again after {waited:.1f} s"
    assert waited >= after
    assert "\x1b" not in one.story()


@pytest.mark.parametrize(("status", "says"), [(401, "key"), (403, "key"), (404, "path")])
async def test_a_server_that_refuses_ends_the_session_and_the_audio_is_kept(
    trial: Begin, status: int, says: str
) -> None:
    script = Script(speed=SPEED, manners=[Manner(at_second={13: reset}), Manner(status=status)])
    async with oracle_server(script) as server:
        one = trial(f"9 {status} at the upgrade", server.endpoint(), SECONDS)
        await one.run()
    assert one.last.state is State.FAILED
    assert str(status) in one.last.reason
    assert says in one.last.reason
    assert len(server.attempts) == 2
    assert one.text == one.said[: len(one.text)]
    assert one.spool
    assert one.happened(EventKind.UNCONFIRMED) + one.happened(EventKind.BROKEN)


async def test_a_redirect_is_refused(trial: Begin) -> None:
    async with oracle_server() as elsewhere:
        away = Manner(status=307, headers={"Location": elsewhere.endpoint().url})
        script = Script(speed=SPEED, manners=[Manner(at_second={13: reset}), away])
        async with oracle_server(script) as server:
            one = trial("10 redirect at the upgrade", server.endpoint(), SECONDS)
            await one.run()
    assert elsewhere.attempts == []
    assert one.last.state is State.FAILED
    assert "redirects elsewhere" in one.last.reason
    assert one.spool


async def test_an_upgrade_that_is_never_answered_is_given_up(trial: Begin) -> None:
    script = Script(speed=SPEED, manners=[Manner(at_second={13: reset}), Manner(hang=True)])
    async with oracle_server(script) as server:
        one = trial("3 server never answers the upgrade", server.endpoint(), SECONDS)
        await one.run()
    waited = server.attempts[2] - server.attempts[1]
    one.note = f"given up after {waited:.1f} s"
    assert 5 < waited < 15
    one.assert_exact()


async def nothing(stream: Stream) -> None:
    """Leave the end marker unanswered, ..."""


@pytest.mark.parametrize(
    ("name", "end", "patience"),
    [("reset", reset, 20), ("1011", hang_up(1011), 20), ("nothing", nothing, 50)],
    ids=["reset", "1011", "nothing"],
)
async def test_a_break_between_end_marker_and_echo_is_repaired(
    trial: Begin, name: str, end: Act, patience: float
) -> None:
    script = Script(speed=SPEED, manners=[Manner(on_finish=end)])
    async with oracle_server(script) as server:
        one = trial(f"8 {name} in place of the last echo", server.endpoint(), SECONDS)
        await one.run(patience)
    one.assert_exact()
    assert len(server.streams) == 2
    assert server.streams[1].heard < 10 * 16_000


async def test_a_break_before_the_last_words_is_repaired(trial: Begin) -> None:
    manner = Manner(at_second={SECONDS: reset})
    script = Script(words_a_segment=7)
    one = await through(trial, "8 reset at the last sample", manner, script=script)
    one.assert_exact()


@pytest.mark.parametrize(
    "script",
    [
        Script(integer_ids=True, twice=True),
        Script(words_a_segment=1),
        Script(words_a_segment=17, integer_ids=True),
        Script(echo=False),
        Script(finality=False),
        Script(finality=False, echo=False, words_a_segment=3),
        Script(times=False),
        Script(times=False, finality=False),
        Script(times=False, echo=False, words_a_segment=3),
    ],
    ids=[
        *("integer-ids-twice", "one-word", "seventeen-words", "no-echo", "no-finality"),
        *("times-alone", "no-times", "echo-alone", "finality-alone"),
    ],
)
async def test_every_kind_of_server_survives_resets(
    trial: Begin, script: Script, request: pytest.FixtureRequest
) -> None:
    manners = [Manner(at_second={second: reset}) for second in (3, 8, 13, 14, 17, 12)]
    manners += [Manner(at_second={9: repeat_all, 16: repeat_all})]
    kind = request.node.callspec.id
    one = await through(trial, f"11 six resets, ids from 0, {kind}", *manners, script=script)
    one.assert_exact()


async def test_garbage_is_left_aside(trial: Begin) -> None:
    manner = Manner(greeting=GARBAGE, at_second={7: say(*GARBAGE), 21: say(*GARBAGE)})
    one = await through(trial, "12 garbage frames", manner)
    one.assert_exact(reconnects=False)


async def test_an_error_that_is_no_end_is_told(trial: Begin) -> None:
    error = json.dumps({"error": {"message": "a \x1b[31mhiccup", "code": "hiccup"}})
    one = await through(trial, "12 error frame, and on it goes", Manner(at_second={7: say(error)}))
    one.assert_exact(reconnects=False)
    assert one.happened(EventKind.ERROR) == 1
    assert "hiccup" in one.events[1].text
    assert "\x1b" not in one.events[1].text


async def test_a_message_of_five_megabytes_is_survived(trial: Begin) -> None:
    huge = json.dumps({"segments": [{"id": 1, "text": "x" * 5 * 2**20}]})
    one = await through(trial, "13 message of 5 MiB", Manner(at_second={13: say(huge)}))
    one.assert_exact()


async def test_a_flood_is_survived(trial: Begin) -> None:
    async def flood(stream: Stream) -> None:
        for _ in range(3000):
            await stream.say(len(stream.segments) - 2)

    many = json.dumps({"segments": [{"id": 1000 + n, "text": ""} for n in range(100_000)]})
    manner = Manner(at_second={13: say(many), 23: flood})
    began = time.monotonic()
    one = await through(trial, "13 100 000 segments, 3 000 messages at once", manner)
    one.assert_exact(reconnects=None)
    one.note = f"{time.monotonic() - began:.0f} s"


async def test_a_refused_language_at_the_start_says_so(trial: Begin) -> None:
    async with oracle_server(Script(refused_languages=frozenset({"en"}))) as server:
        one = trial("- language refused at the start", server.endpoint(), SECONDS)
        await one.run()
    assert one.last.state is State.FAILED
    assert "en is not supported" in one.last.reason
    assert len(server.attempts) == 1


async def switching(one: Trial, server: OracleServer, *languages: str) -> None:
    """Switch to one language after the other, two seconds of sound apart."""
    for language in languages:
        streams, newest = len(server.streams), one.newest
        one.session.switch(language)
        await one.until(lambda streams=streams: len(server.streams) > streams)  # type: ignore[misc]
        await one.until(lambda newest=newest: one.newest >= newest + 2)  # type: ignore[misc]


async def test_switching_languages_loses_and_doubles_nothing(trial: Begin) -> None:
    async with oracle_server(Script(words_a_segment=3)) as server:
        one = trial("- four language switches", server.endpoint(), 600, paced=True)
        await one.begin()
        await switching(one, server, "de", "fr", "en", "de")
        await one.stop()
    one.assert_exact(reconnects=False)
    assert one.happened(EventKind.LANGUAGE) == 4
    assert [stream.language for stream in server.streams] == ["en", "de", "fr", "en", "de"]
    assert {segment.language for segment in one.shown} == {"en", "de", "fr"}


async def test_a_reset_while_switching_loses_and_doubles_nothing(trial: Begin) -> None:
    async with oracle_server(Script(words_a_segment=3)) as server:
        one = trial("2 reset while switching languages", server.endpoint(), 600, paced=True)
        await one.begin()
        one.strike()
        one.session.switch("de")
        await reset(server.streams[0])
        await one.until(lambda: any(stream.language == "de" for stream in server.streams))
        await reset(next(stream for stream in server.streams if stream.language == "de"))
        await one.until_it_goes_on()
        await one.until(lambda: one.last.state is State.LIVE and one.last.language == "de")
        await one.watch(3)
        await one.stop()
    one.assert_exact(reconnects=None)
    assert one.happened(EventKind.LANGUAGE) == 1


async def test_a_refused_switch_changes_nothing(trial: Begin) -> None:
    async with oracle_server(Script(refused_languages=frozenset({"de"}))) as server:
        one = trial("- language refused in mid-speech", server.endpoint(), 600, paced=True)
        await one.begin()
        one.strike()
        one.session.switch("de")
        await one.until(lambda: one.happened(EventKind.ERROR) == 1)
        one.heal()
        await one.until_it_goes_on()
        await one.stop()
    one.assert_exact(reconnects=None)
    assert one.happened(EventKind.LANGUAGE) == 0
    assert one.last.language == "en"


@pytest.mark.parametrize(("name", "act"), [("mute", fall_mute), ("stalled", stop_reading)])
async def test_a_server_that_dies_before_its_first_echo_is_noticed(
    trial: Begin, name: str, act: Act
) -> None:
    """The second connection stands still from its first second on."""
    manners = [Manner(at_second={7: reset}), Manner(at_second={1: act})]
    async with oracle_server(Script(words_a_segment=3, manners=manners)) as server:
        one = trial(f"5 new connection {name} from its start", server.endpoint(), 600, paced=True)
        await one.begin(5)
        await one.until(lambda: len(server.streams) == 2)
        await one.until(lambda: server.streams[1].heard >= 16_000)
        one.strike()
        await one.until_noticed(60)
        one.heal()
        await one.until_it_goes_on(30)
        await one.stop()
    one.assert_exact()
