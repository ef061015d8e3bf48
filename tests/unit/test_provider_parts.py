"""The small parts below all providers: text, keys, addresses, errors' bodies, limits on time."""

from __future__ import annotations

import asyncio
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langswarm_nb.core.session import errors
from langswarm_nb.core.session.messages import FinishReason
from langswarm_nb.core.session.provider_events import ProviderRequest
from langswarm_nb.core.session.providers._dialect.wire import (
    RefusedOption,
    check_options,
    end_word,
    finish_reason,
    token_count,
    usd,
)
from langswarm_nb.core.session.providers._http.address import check_base_url, is_loopback, proxy_for, segment
from langswarm_nb.core.session.providers._http.deadline import LimitReached, Watch
from langswarm_nb.core.session.providers._http.fault_bodies import read_fault
from langswarm_nb.core.session.providers._http.faults import parse_retry_after
from langswarm_nb.core.session.secret import HIDDEN, KeyFilter, Mask, Secret
from langswarm_nb.core.session.text import TextJoiner, one_line, whole

KEY = "Kp7+canary/Zx93=LmQ2"

# Text


@given(st.text(st.characters(categories=["L", "N", "P", "So", "Cs"])), st.lists(st.integers(0, 100)))
def test_joined_text_is_the_text_whatever_the_pieces(text: str, cuts: list[int]) -> None:
    """Halves of characters are joined across pieces; lone ones become U+FFFD; all can be encoded."""
    halves = "".join(
        unit
        for character in text
        for unit in (character.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass"),)
    )
    units = halves.encode("utf-16-le", "surrogatepass")
    pieces = [units[at : at + 2].decode("utf-16-le", "surrogatepass") for at in range(0, len(units), 2)]
    joiner = TextJoiner()
    joined = "".join(joiner.join(piece) for piece in pieces) + joiner.rest()
    assert joined == whole(text) == units.decode("utf-16-le", "replace")
    joined.encode()


def test_a_half_character_waits_for_its_other_half() -> None:
    """Nothing is handed on before it is known what it is."""
    joiner = TextJoiner()
    assert [joiner.join(piece) for piece in ("a\ud83d", "\ude00b", "\ud83d", "")] == ["a", "😀b", "", ""]
    assert (joiner.rest(), joiner.rest()) == ("\ufffd", "")


def test_one_line_hides_nothing_and_steers_nothing() -> None:
    """Controls and what cannot be seen are written as codes; the length is bounded."""
    assert one_line("a\r\n b\x1b[2J\u202e\ud800") == "a b\\u{1b}[2J\\u{202e}\\u{d800}"
    assert len(one_line("x" * 10_000, 100)) == 100


# Keys


def test_a_secret_shows_itself_nowhere() -> None:
    """Not in texts, not in attributes, not in a pickle."""
    secret = Secret(KEY)
    assert KEY not in f"{secret} {secret!r} {secret:>40} {[secret]} {vars(type(secret))}"
    assert not hasattr(secret, "__dict__")
    with pytest.raises(TypeError, match="environment variable"):
        pickle.dumps(secret)
    with pytest.raises(AttributeError):
        secret.reveal = lambda: ""
    assert secret.reveal() == KEY


def test_a_mask_leaves_other_text_alone() -> None:
    """Innocent words stay, also those that keys are made of."""
    text = "The api_key was refused: max_tokens=1000, model gpt-6-sol, task-1234, skip-this-one, café"
    assert Mask([Secret(KEY)])(text) == text
    assert Mask([Secret("none")])("none of it, nonesuch") == f"{HIDDEN} of it, nonesuch"
    assert Mask()("") == ""


@pytest.mark.parametrize(
    "text",
    [
        "sk-proj-abcdefghijkl",
        "sk-ant-api03-abcdefgh_ij",
        "gsk_abcdefghijklmnop",
        "AIzaSyA-abcdefghijkl",
        "hf_abcdefghijklm",
        "sk-abcd************wxyz",
        "Bearer abcdef123456",
        "https://x.example/?key=abcdefghijk",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIi.abcdefgh",
    ],
)
def test_what_looks_like_a_key_is_hidden(text: str) -> None:
    """Another service's key, which a proxy may name."""
    shown = Mask()(f"refused: {text}.")
    assert HIDDEN in shown
    assert "abcdefgh" not in shown


@given(
    st.text(max_size=30),
    st.text(max_size=30),
    st.integers(1, 40),
    st.lists(st.sampled_from("abcXYZ0189-_+/=.~!%&"), unique=True, min_size=12).map("".join),
)
def test_no_split_of_a_text_gets_a_key_through(before: str, after: str, size: int, key: str) -> None:
    """At most its first characters pass, and nothing else of the text is lost."""
    secret_filter = KeyFilter(Secret(key))
    text = f"{before}<{key}>{after}"
    pieces = [text[start : start + size] for start in range(0, len(text), size)]
    shown = "".join(map(secret_filter, pieces))
    assert key[7:11] not in shown or key[7:11] in before + after
    assert shown.startswith(f"{before}<")
    assert shown.endswith(f"{HIDDEN}>{after}")


# Addresses


@pytest.mark.parametrize(
    "url, result",
    [
        ("https://api.example.com/v1/", "https://api.example.com/v1"),
        ("https://API.example.com:8443", "https://api.example.com:8443"),
        (" https://xn--bcher-kva.example/a/b ", "https://xn--bcher-kva.example/a/b"),
        ("http://localhost:8080/v1", "http://localhost:8080/v1"),
        ("http://127.0.0.1", "http://127.0.0.1"),
        ("http://127.8.9.10:1/", "http://127.8.9.10:1"),
        ("http://[::1]:8080/v1", "http://[::1]:8080/v1"),
        ("http://0.0.0.0:8000/v1", "http://127.0.0.1:8000/v1"),
        ("http://[::]:8000/v1", "http://[::1]:8000/v1"),
        ('"http://localhost:8080/v1"', "http://localhost:8080/v1"),
        ("http://gpu-box:8000/v1", "http://gpu-box:8000/v1"),
        ("http://model_server", "http://model_server"),
        ("http://host.docker.internal:11434", "http://host.docker.internal:11434"),
        ("http://nas.local", "http://nas.local"),
        ("http://10.0.0.1", "http://10.0.0.1"),
        ("http://172.31.9.9:1", "http://172.31.9.9:1"),
        ("http://192.168.1.5:11434/v1", "http://192.168.1.5:11434/v1"),
        ("http://[fd00::5]:8000", "http://[fd00::5]:8000"),
    ],
)
def test_allowed_addresses(url: str, result: str) -> None:
    """Https anywhere, http to this machine and to private networks; the slash at the end does not matter."""
    assert check_base_url(url).url == result


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.example.com",
        "ftp://example.com",
        "file:///etc/passwd",
        "https://",
        "https:///v1",
        "https://user@example.com",
        "https://user:password@example.com",
        "https://example.com?key=1",
        "https://example.com#a",
        "https://example.com/a b",
        "https://exa mple.com",
        "https://example.com\\@evil.example",
        "https://example.com:99999",
        "https://example.com:x",
        "https://example.com/\nx",
        "https://exämple.com",
        "http://example.com",
        "http://172.32.0.1",
        "http://11.0.0.1",
        "http://[2001:db8::1]",
        "http://[fe80::1]",
        "http://metadata.google.internal",
        "http://169.254.169.254/latest",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "http://2130706433",
        "http://0x7f.1",
        "http://0x7f000001",
        "http://127.1",
        "http://[::ffff:10.0.0.1]",
        "http://127.0.0.1@example.com",
        "http://localhost@example.com",
        "http://localhost:80@example.com",
    ],
)
def test_forbidden_addresses(url: str) -> None:
    """All else is refused before a key could be sent there; a password in it is not shown."""
    with pytest.raises(errors.SessionValueError, match="base_url") as caught:
        check_base_url(url)
    assert "password" not in str(caught.value).replace("user, password", "")


@pytest.mark.parametrize("value", [None, 5, b"https://a.example", ["https://a.example"]])
def test_an_address_is_text(value: Any) -> None:
    """Other types are refused as such."""
    with pytest.raises(errors.SessionTypeError, match="base_url"):
        check_base_url(value)


def test_this_machine_is_reached_without_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy of the environment carries what leaves the machine, and nothing else."""
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("HTTPS_PROXY", "proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "inside.example")
    assert proxy_for(check_base_url("http://127.0.0.1:8080")) is None
    assert proxy_for(check_base_url("https://localhost")) is None
    assert proxy_for(check_base_url("https://inside.example")) is None
    assert proxy_for(check_base_url("https://api.example.com")) == (
        "http://proxy.example:3128",
        "HTTPS_PROXY",
    )
    assert is_loopback("LOCALHOST")


@pytest.mark.parametrize("text", ["a/b", "..", ".", "a?b#c", "ä", "%2e", "a b"])
def test_an_id_stays_one_segment_of_a_path(text: str) -> None:
    """An id from elsewhere cannot lead to another address."""
    assert not set("/?# ") & set(segment(text))
    assert segment(text) not in {"", ".", ".."}


# Errors of services


@pytest.mark.parametrize(
    "body",
    [None, 5, "", [], {}, {"error": None}, {"error": []}, {"error": {"code": []}}, [[]], "data: {}", {1: 2}],
)
def test_a_body_that_says_nothing_is_read(body: Any) -> None:
    """Any JSON can be read as an error."""
    assert read_fault(body).message == ""
    assert issubclass(read_fault(body).class_for(500), errors.ProviderServerError)


@given(st.dictionaries(st.sampled_from(["retry-after", "retry-after-ms", "date"]), st.text(max_size=40)))
def test_no_header_breaks_the_reading_of_a_wait(headers: dict[str, str]) -> None:
    """Whatever it says, the wait is none, or a number of seconds that can be slept."""
    wait_s = parse_retry_after(headers)
    assert wait_s is None or 0 <= wait_s <= 7 * 24 * 3600


# Vocabulary


ENDS = {
    FinishReason.STOP: "end_turn STOP COMPLETE completed stop_sequence compaction eos eos_token load",
    FinishReason.LENGTH: (
        "MAX_TOKENS model_length max_messages token_limit CONTINUATION budget_exceeded requires_continuation"
    ),
    FinishReason.TOOL_CALLS: "tool_use TOOL_CALL function_call requires_action",
    FinishReason.CONTENT_FILTER: (
        "SAFETY sensitive content-filter ESCALATION MODEL_ARMOR IMAGE_RECITATION guardrail_intervened ERROR_TOXIC"
    ),
    FinishReason.INTERRUPTED: "pause_turn steered idle queued FINISH_REASON_UNSPECIFIED",
    FinishReason.ERROR: (
        "insufficient_system_resource network_error abort PUP_LIMITED_DISABLED MALFORMED_FUNCTION_CALL OTHER failed "
        "of_a_later_day"
    ),
}


@pytest.mark.parametrize(
    "word, reason", [(word, reason) for reason, words in ENDS.items() for word in words.split()]
)
def test_finish_reasons_of_all_services_become_ours(word: str, reason: FinishReason) -> None:
    """One vocabulary, in any case; a word that nobody knows is not a good end."""
    assert finish_reason(word) is reason
    assert finish_reason({"type": word}) is reason


@pytest.mark.parametrize("value", [None, "", "null", "None"])
def test_an_end_without_a_word_is_an_ordinary_one(value: Any) -> None:
    """Some services do not tell why a reply ended."""
    assert finish_reason(value) is FinishReason.STOP
    assert end_word(value) is None


@given(
    st.text(min_size=1).filter(lambda word: word.lower() not in {"none", "null"} and word.isascii())
    | st.integers()
    | st.lists(st.integers())
    | st.dictionaries(st.text(max_size=3), st.integers())
)
def test_no_end_that_is_not_known_is_a_good_one(value: Any) -> None:
    """Whatever stands where the word for the end should be, it is `stop` for known words only."""
    word = str(value).strip().lower()
    assert (finish_reason(value) is FinishReason.STOP) == (word in ENDS[FinishReason.STOP].lower().split())


@pytest.mark.parametrize("value", [None, True, -1, float("nan"), float("inf"), "5", [], 10**400])
def test_what_is_no_count_is_unknown(value: Any) -> None:
    """Unknown is None, never 0."""
    assert token_count(value) is None


def test_counts_and_amounts() -> None:
    """Whole numbers may come as floats; no dollars are dollars too."""
    assert (token_count(0), token_count(7.0), usd(0), usd(0.25), usd(-1), usd("1")) == (
        0,
        7,
        0.0,
        0.25,
        None,
        None,
    )


def test_a_refused_option_is_named_before_anything_is_sent() -> None:
    """The error names model, option and reason."""
    table = (RefusedOption("temperature", "o3.*", "it thinks", unless=("effort", ("none",))),)
    for model, options, refused in (
        ("o3-mini", {"temperature": 0.2}, True),
        ("o3-mini", {"temperature": None}, False),
        ("o3-mini", {"temperature": 0.2, "effort": "none"}, False),
        ("o4", {"temperature": 0.2}, False),
        ("o4", {"stream": True}, True),
    ):
        request = ProviderRequest(model, (), options=options)
        if refused:
            with pytest.raises(errors.ProviderRequestError, match=f"{model}.*{next(iter(options))}"):
                check_options("openai", request, table)
        else:
            check_options("openai", request, table)


# Limits on time


async def test_a_watch_ends_a_wait_in_silence() -> None:
    """The wait is cancelled, the task is not."""
    watch = Watch(60, 0.01)
    watch.enter()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.Event().wait()
    assert watch.is_mine()
    assert watch.reached.limit == "silence"
    with pytest.raises(LimitReached):
        watch.enter()


async def test_a_watch_leaves_a_cancel_of_others_alone() -> None:
    """A cancel by the caller is told from the watch's own."""
    watch = Watch(60, 60)

    async def wait() -> bool:
        watch.enter()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return watch.is_mine()
        return False

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()
    assert await task is False
    watch.close()


class Clock:
    """A loop's clock, to be put forward; the loop then goes round once."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.passed_s, real_time = 0.0, loop.time
        loop.time = lambda: real_time() + self.passed_s  # type: ignore[method-assign]

    async def put_forward(self, seconds: float) -> None:
        """Let so much time pass at once, as when the loop is held up."""
        self.passed_s += seconds
        await asyncio.sleep(0)

    async def run(self, seconds: float, watch: Watch | None = None) -> None:
        """Let time pass in steps of so many seconds; a watch is told of something that came in each."""
        for _ in range(1000):
            if watch is not None:
                watch.enter()
                watch.leave()
            await self.put_forward(seconds)


async def test_time_between_waits_is_no_silence() -> None:
    """A reader that takes its time is not the server's fault; the call's own limit still holds."""
    clock = Clock()
    watch = Watch(1000, 100)
    for _ in range(3):
        watch.enter()
        watch.leave()
        await clock.put_forward(110)
    await clock.put_forward(1000)
    with pytest.raises(LimitReached) as caught:
        watch.enter()
    assert caught.value.limit == "call"


@pytest.mark.parametrize("hurried", [False, True])
async def test_a_loop_that_stands_still_uses_up_no_patience(hurried: bool) -> None:
    """What has arrived meanwhile can be read: only a loop that goes round and finds nothing has waited."""
    clock = Clock()
    watch = Watch(100_000, 1000)
    if hurried:
        watch.hurry(100)
    watch.enter()
    for _ in range(10):
        await clock.put_forward(
            200
        )  # twice as long as the hurry, five times in all as long as silence may be
    watch.leave()
    watch.enter()
    with pytest.raises(asyncio.CancelledError):
        await clock.run(10)
    assert watch.is_mine()
    assert watch.reached.limit == "silence"


async def test_a_hurried_call_ends_whatever_comes() -> None:
    """A server that goes on and on, a byte at a time, holds up nobody."""
    clock = Clock()
    watch = Watch(100_000, 1000)
    watch.hurry(10)
    with pytest.raises(LimitReached):
        await clock.run(0.1, watch)
