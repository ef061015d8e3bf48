"""The parts of the panel that need no kernel: windows, patches, live replies, facts, and the joined script."""

from __future__ import annotations

import asyncio
import gc
import json
import re
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langswarm_nb.core.session import (
    MessageRole,
    RequestFacts,
    SessionManager,
    SessionMessage,
    SessionStorageError,
    Usage,
)
from langswarm_nb.core.session.answers.answer_schema import schema_of
from langswarm_nb.core.session.storage.memory import InMemorySessionStorage
from langswarm_nb.notebook.panel.actions import free_path
from langswarm_nb.notebook.panel.feed import Feed
from langswarm_nb.notebook.panel.live import LiveReply, js_length
from langswarm_nb.notebook.panel.message_items import Family, context_text, message_item
from langswarm_nb.notebook.panel.patches import BEFORE_FOUND, FIRST_MESSAGES, Window, patch
from langswarm_nb.notebook.panel.scripts import STATIC, script, style
from langswarm_nb.notebook.panel.static_twin import MAX_MESSAGES, twin_bundle
from langswarm_nb.notebook.showing.transcript import MAX_CHARS, messages_html
from langswarm_nb.render import render_html
from langswarm_nb.render.value_tables import growing_value_html
from tests.support.npm import npm_modules
from tests.support.waits import PATIENCE_S


def message(number, role="user", content="x", **facts):
    return SessionMessage(id=f"m{number}", role=MessageRole(role), content=content, seq=number, **facts)


def applied(old, change):
    """Do what the page does with a patch."""
    known = {item["id"]: item for item in [*old, *change["items"]]}
    return [known[key] for key in [*(item["id"] for item in old[: change["keep"]]), *change["tail"]]]


ITEMS = st.lists(
    st.fixed_dictionaries({"id": st.sampled_from("abcdefgh"), "text": st.sampled_from(["", "x", "y"])}),
    unique_by=lambda item: item["id"],
)


@given(ITEMS, ITEMS)
def test_a_patch_makes_the_new_messages_from_the_old(old, new):
    """Whatever changed, the page ends with the same messages, and gets only what it does not have."""
    change = patch(old, new, streamed=None, live=None)
    assert applied(old, change) == new
    assert all(item not in old for item in change["items"])


def test_a_patch_may_arrive_twice():
    """A page that got the state after a change may get its patch as well."""
    old, new = [{"id": "a"}], [{"id": "a"}, {"id": "b"}]
    change = patch(old, new, streamed=None, live=None)
    assert applied(applied(old, change), change) == new


def test_a_window_stays_where_it_began():
    """New messages do not push old ones out of the view."""
    window = Window()
    path = [message(n) for n in range(80)]
    assert window.start(path) == 80 - FIRST_MESSAGES
    assert window.start([*path, message(80)]) == 80 - FIRST_MESSAGES
    window.open_earlier(path)
    assert window.start(path) == 0


def test_a_window_on_another_path_begins_anew():
    """When the first message shown is gone from the path, the last messages of the new path are shown."""
    window = Window()
    window.start([message(n) for n in range(80)])
    assert window.start([message(n) for n in range(100, 300)]) == 200 - FIRST_MESSAGES
    assert window.start([]) == 0


TEXTS = st.text(st.sampled_from("ab *`\n#|-👩😀é\u202e<&[]($"), max_size=80)


class Page:
    """What the page does with deltas: strings as JavaScript counts them."""

    def __init__(self):
        self.number, self.text, self.html, self.settled = 0, "", b"", 0

    def take(self, delta):
        assert delta["number"] == self.number + 1
        assert 2 * delta["keep"] <= len(self.html)
        assert delta["keep"] >= self.settled, "what is settled is not touched again"
        self.number = delta["number"]
        self.text += delta["text"]
        self.html = self.html[: 2 * delta["keep"]] + delta["html"].encode("utf-16-le")
        self.settled = delta["settled"]
        assert 2 * self.settled <= len(self.html)

    def whole(self, packed):
        assert packed["length"] == js_length(self.text)
        return (self.html[: 2 * packed["keep"]] + packed["rest"].encode("utf-16-le")).decode("utf-16-le")


@given(st.lists(TEXTS, max_size=12))
def test_deltas_add_up_to_the_reply(pieces):
    """However a reply is cut, its deltas fit together, and with the rest its HTML is what the renderer makes."""
    live, text, page = LiveReply("r"), "", Page()
    for piece in pieces:
        text += piece
        delta = live.take(message(1, "assistant", text))
        if delta is not None:
            page.take(delta)
            assert live.state["html"].encode("utf-16-le") == page.html
    assert page.text == text
    html = render_html(text)
    packed = live.streamed(text, html)
    assert packed is not None
    assert page.whole(packed) == html


def test_the_open_end_is_rendered_while_it_grows():
    """A page sees no mark of what is still being written."""
    live, shown, text = (
        LiveReply("r"),
        [],
        "A **bold** word, `code` and\n\n- [a link](https://example.org)\n- *two*\n",
    )
    for end in range(1, len(text)):
        live.take(message(1, "assistant", text[:end]))
        shown.append(re.sub(r"<[^>]*>", "", live.state["html"]))
    assert not [html for html in shown if re.search(r"[*`\[\]]", html)]


def test_what_is_settled_is_known_in_the_units_of_the_page():
    """The page keeps the nodes of what will not change, counted as JavaScript counts."""
    live = LiveReply("r")
    first = "👩‍💻 " + "words " * 20
    live.take(message(1, "assistant", f"{first}\n\nopen\nend"))
    html = live.state["html"].encode("utf-16-le")
    settled = html[: 2 * live.state["settled"]].decode("utf-16-le")
    assert settled.strip() == f"<p>{first.strip()}</p>"


def test_what_is_held_back_of_a_long_end_comes_when_the_model_pauses():
    """A long list is not rendered anew with each word; when nothing comes for a while, all of it is shown."""
    live = LiveReply("r")
    text = "- an item of a list\n" * 400
    live.take(message(1, "assistant", text))
    text += "- the **last** one"
    live.take(message(1, "assistant", text))
    assert "<strong>last" not in live.state["html"]
    deltas = [live.take(message(1, "assistant", text)) for _ in range(20)]
    [delta] = [delta for delta in deltas if delta is not None]
    assert delta["text"] == ""
    assert "<strong>last" in live.state["html"]


@pytest.mark.unmeasured
@pytest.mark.parametrize(
    "unit",
    [
        "A paragraph of **some** words.\n\n",
        "- an item\n",
        "| a | *b* |\n",
        "x = 1  # code\n",
        "word ",
        "*_`[a](",
        "> > ",
    ],
)
def test_the_bytes_of_a_long_reply_grow_with_its_length(unit):
    """100 kB in 4,000 pieces: text and HTML go out in a small multiple of it, whatever is in it."""
    head = "```python\n" if "code" in unit else "| a | b |\n|---|---|\n" if "|" in unit else ""
    text = (head + unit * 100_000)[:100_000]
    live, sent = LiveReply("r"), 0
    for end in range(0, len(text), 500):
        delta = live.take(message(1, "assistant", text[:end]))
        sent += 0 if delta is None else len(json.dumps(delta))
    assert sent < 16 * len(text)


def test_a_reply_that_changed_at_its_end_is_sent_whole():
    """When middleware changed the reply, the page does not keep what it streamed."""
    live = LiveReply("r")
    live.take(message(1, "assistant", "secret"))
    assert live.streamed("******", render_html("******")) is None


def test_a_window_opens_at_what_was_found():
    """A message further up is shown with what was said before it; one of another path is not there."""
    window, path = Window(), [message(n) for n in range(200)]
    assert window.start(path) == 200 - FIRST_MESSAGES
    assert window.open_at(path, "m60")
    assert window.start(path) == 60 - BEFORE_FOUND
    assert window.open_at(path, "m199")
    assert window.start(path) == 60 - BEFORE_FOUND
    assert not window.open_at(path, "m999")


def test_text_that_turns_out_to_be_thinking_is_told_anew():
    """What the page has is not a beginning of the reply any more, so that it gets all of it, from its start."""
    live = LiveReply("m1")
    assert live.take(message(1, "assistant", "I plan.\n\nAnd ")) is not None
    answer = message(1, "assistant", "The answer, which is longer than the plan.")
    assert not live.goes_on_in(answer)
    live.start(answer.id)
    assert (live.state["text"], live.state["html"], live.state["number"]) == ("", "", 0)
    delta = live.take(answer)
    assert delta is not None
    assert (delta["number"], delta["keep"], delta["text"]) == (1, 0, answer.content)
    assert live.goes_on_in(message(1, "assistant", f"{answer.content} More."))
    assert not live.goes_on_in(message(2, "assistant", answer.content))


def test_versions_are_those_with_the_same_parent_and_role():
    """Edits of a question are versions of each other, replies to it are not among them."""
    family = Family()
    family.add(
        [message(0), message(1, "assistant", parent_seq=0), message(2, "assistant", parent_seq=0), message(3)]
    )
    assert family.place(message(2, "assistant", parent_seq=0)) == (2, 2, "m1", None)
    assert family.place(message(0)) == (1, 2, None, "m3")
    assert family.place(message(9, parent_seq=5)) == (1, 1, None, None)


def facts(provider="openai", **more):
    usage = Usage(input_tokens=412, output_tokens=128)
    return RequestFacts(provider, "some-model", usage=usage, duration_s=2.1, **more)


def paid():
    return SessionMessage(role=MessageRole.ASSISTANT, request=facts("mock"))


class BusyStorage(InMemorySessionStorage):
    """Somebody stores a message whenever somebody reads."""

    async def get_messages(self, session_id, **choice):
        await self.append_messages(session_id, [paid()])
        return await super().get_messages(session_id, **choice)


async def test_what_is_stored_between_two_reads_is_seen_once():
    """However many write at the same time, every message is counted once and is no version of itself."""
    async with SessionManager(BusyStorage()) as manager:
        session = await manager.create_session("ada", "mock", "echo")
        feed = Feed(session)
        for count in (1, 2, 20):
            await session.storage.append_messages(session.session_id, [paid() for _ in range(count)])
            await feed.read()
        known = feed.path[: feed.family.next_seq]
        assert feed.family.totals.requests == len(known) > 20
        assert {feed.family.place(one) for one in known} == {(1, 1, None, None)}


class Unreadable(InMemorySessionStorage):
    """A storage that cannot be read once it is broken."""

    is_broken = False

    async def load_session(self, session_id):
        if self.is_broken:
            raise SessionStorageError("The disk is gone.")
        return await super().load_session(session_id)


class Watcher:
    """A panel that notes what it is told."""

    def __init__(self):
        self.told: asyncio.Queue[str] = asyncio.Queue()

    async def show(self, streamed=None):
        pass

    def extend(self, delta):
        pass

    def fail(self, text):
        self.told.put_nowait(text)


async def test_an_end_that_cannot_be_shown_is_told(caplog):
    """When the session cannot be read after a reply, the panels say so, and asyncio misses nothing."""
    storage = Unreadable()
    async with SessionManager(storage) as manager:
        session = await manager.create_session("ada", "mock", "echo")
        feed, watcher, over = Feed(session), Watcher(), asyncio.Event()
        feed.viewers.append(watcher)

        async def opened():
            return session.stream_message("Hi")

        def spent(_stream):
            storage.is_broken = True
            over.set()

        await feed.run(opened(), spent)
        await over.wait()
        assert await watcher.told.get() == "The disk is gone."
        await feed.close()
    gc.collect()
    assert "never retrieved" not in caplog.text


def test_totals_count_all_branches_and_never_invent_a_price():
    """Sums are over every request; one of unknown price makes the sum unknown, the mock costs nothing."""
    family = Family()
    family.add([message(0, "assistant", request=facts(cost_usd=0.25))])
    assert family.totals.text == "412→128 tok · 2.1 s · $0.2500"
    family.add(
        [message(0, "assistant", request=facts()), message(1, "assistant", request=facts(provider="nobody"))]
    )
    assert family.totals.text.endswith("price unknown")
    free = Family()
    free.add([message(0, "assistant", request=facts(provider="mock"))])
    assert free.totals.text == "412→128 tok · 2.1 s"


def test_an_item_is_json_and_tells_what_went_wrong():
    """What goes to the page is JSON; a failed reply carries the words of its error."""
    failed = message(1, "assistant", request=facts(status="error", error_message="No credit."))
    item = message_item(failed, (1, 1, None, None), "<p></p>", "")
    assert json.loads(json.dumps(item)) == item
    assert (item["status"], item["error"]) == ("error", "No credit.")


def test_the_meter_shows_tokens_limit_and_share():
    """Of the last request; nothing before there is one."""
    reply = message(
        1, "assistant", request=RequestFacts("x", "y", usage=Usage(input_tokens=3000, output_tokens=96))
    )
    assert context_text(reply, 12_000) == ("3.1k", "12.0k", 0.258)
    assert context_text(reply, None) == ("3.1k", "", None)
    assert context_text(None, 100) == ("", "", None)


def test_the_twin_is_safe_and_not_too_long():
    """The static output escapes what people and models wrote, and says when it leaves something out."""
    path = [
        message(n, ["user", "assistant"][n % 2], f"<script>{n}</script>") for n in range(MAX_MESSAGES + 10)
    ]
    bundle = twin_bundle("abc", "<b>name</b>", path, {})
    assert "<script" not in bundle["text/html"]
    assert "<b>" not in bundle["text/html"]
    assert f"the last {MAX_MESSAGES} of them" in bundle["text/plain"]
    assert "&lt;script&gt;0&lt;" not in bundle["text/html"]
    assert '<div class="lsnb-twin lsnb-twin-abc">' in bundle["text/html"]


def test_a_conversation_to_be_read_is_little_more_than_its_text():
    """`%langswarm show` and the twin have one page for all messages, rendered as far as a file should hold."""
    path = [message(n, ["user", "assistant"][n % 2], f"*{n}*") for n in range(50)]
    page = messages_html("talk", path, {"m1": "<p>known</p>"})
    assert page.count("<style>") == 1
    assert (page.count("<strong>You</strong>"), page.count("<strong>Model</strong>")) == (25, 25)
    assert page.index("*0*") < page.index("known") < page.index("<em>49</em>")
    path[1] = message(1, "assistant", "*x*" + " " * MAX_CHARS)
    assert messages_html("talk", path).count("<em>x</em>") == 0


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b\\c", "", "...", "x" * 500, "nul\0\n", "-rf"])
def test_files_keep_to_their_folder(tmp_path, name):
    """A session's name makes a file name of harmless characters in the folder given."""
    path = free_path(tmp_path, name, "md")
    assert path.parent == tmp_path
    assert re.fullmatch(r"\w[\w.-]{0,90}\.md", path.name)
    path.write_text("taken")
    assert free_path(tmp_path, name, "md") != path


def test_the_script_is_one_module():
    """All modules are in it, each after what it needs; no import is left, and one default export."""
    text = script()
    for file in STATIC.glob("*.js"):
        for name in re.findall(
            r"^export (?:async )?(?:function|class|const) (\w+)", file.read_text("utf-8"), re.MULTILINE
        ):
            assert re.search(rf"^(?:async )?(?:function|class|const) {name}\b", text, re.MULTILINE), name
    assert "import {" not in text
    assert text.count("export ") == text.count("export default") == 1


def test_html_enters_the_page_through_one_door():
    """No module but `safe.js` makes nodes from a string, and none of them evaluates one."""
    for file in STATIC.glob("*.js"):
        text = file.read_text("utf-8")
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment", text
        )
        assert not re.search(r"\beval\(|new Function|setTimeout\(\s*[\"'`]|javascript:", text)
        assert ("DOMParser" in text) == (file.name == "safe.js")
        assert not re.search(r"fetch\(|XMLHttpRequest|WebSocket|https?://(?!www\.w3\.org/)", text)


def test_styles_stay_in_the_panel_and_fetch_nothing():
    """Every rule is below `.lsnb-panel`, and no address is in the style sheet."""
    top = re.findall(r"^[^\s@/}][^{]*", style(), re.MULTILINE)
    assert top
    assert all(selector.startswith(".lsnb-panel") for selector in top)
    assert not re.search(r"url\(|@import|https?:", style())


@pytest.mark.slow
def test_the_front_end_passes_the_type_checker():
    """The types in the comments of the modules hold."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    compiler = npm_modules() / "typescript" / "lib" / "tsc.js"
    command = [node, str(compiler), "-p", str(STATIC / "jsconfig.json")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, done.stdout


def test_a_value_is_a_table_that_grows():
    """Of a list of 96 kB in 190 looks the page gets at most 0.5 MB, and has the table that the reply is."""
    row = {"name": "Ann", "age": 3, "note": "short"}
    text = json.dumps({"items": [row] * 2000})
    live = LiveReply("m1", schema=schema_of("[name, age int, note]"))
    page, size = "", 0
    for end in range(0, len(text) + 500, 500):
        delta = live.take(message(1, "assistant", text[:end]))
        if delta is not None:
            page = page[: delta["keep"]] + delta["html"]
            size += len(json.dumps(delta))
    print(f"{len(text):,} characters: {size:,} bytes")
    assert size <= 500_000
    assert page == growing_value_html([row] * 2000, ["name", "age", "note"])
    assert live.html(text) is None  # the whole is made of what was checked
