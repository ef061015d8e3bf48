"""The panel in a real kernel: the flow of a message, and every action of its page."""

from __future__ import annotations

import json

import pytest

from tests.support.counting import counting
from tests.support.panel_kernel import LOAD, SCRIPTED, KernelPanel, opened, texts

pytestmark = pytest.mark.kernel


@pytest.fixture
def panel(kernel):
    """Return a panel on a fresh session with the model mock:echo."""
    return opened(kernel)


def test_a_message_is_acknowledged_then_streamed_then_whole(panel):
    """The page hears at once that it was heard, gets the reply in pieces that fit, and the whole is not sent again."""
    kernel = panel.kernel
    kernel.run(SCRIPTED.format(replies=["Some **words**.\n\nAnd 👩‍💻 more."], delay_s=0.01, chunk_chars=3))
    panel.say("hello")
    kinds = [content["type"] for content in panel.customs]
    assert kinds[0] == "ack"
    deltas = [content for content in panel.customs if content["type"] == "delta"]
    assert len(deltas) > 1
    html = b""
    for number, delta in enumerate(deltas, 1):
        assert delta["number"] == number
        html = html[: 2 * delta["keep"]] + delta["html"].encode("utf-16-le")
    assert "".join(delta["text"] for delta in deltas) == "Some **words**.\n\nAnd 👩‍💻 more."
    last = [content for content in panel.customs if content["type"] == "patch"][-1]
    [reply] = [item for item in last["items"] if item["role"] == "assistant"]
    assert reply["text"] == reply["html"] == ""
    streamed = reply["streamed"]
    whole = html[: 2 * streamed["keep"]].decode("utf-16-le") + streamed["rest"]
    assert whole == panel.transcript["messages"][-1]["html"]


def test_the_whole_flow_runs_through_the_session(panel):
    """What the panel sends is stored as from the panel, seen by the session's hooks, and is `panel.value`."""
    panel.kernel.run(
        """
from langswarm_nb.core.session import MetricsHook
hook = MetricsHook()
panel.session.add_hook(hook)
"""
    )
    panel.say("hello")
    assert panel.eval("[m.source for m in panel.value]") == "['panel', 'panel']"
    assert (
        panel.eval("hook.get_metrics()['messages_sent'], hook.get_metrics()['messages_received']") == "(1, 1)"
    )
    assert (
        panel.eval("[m.id for m in panel.value] == [m.id for m in await panel.session.get_messages()]")
        == "True"
    )


def test_stop_keeps_the_part(kernel):
    """Stop ends the reply; what had arrived is stored, marked stopped, and the panel is free again."""
    panel = opened(kernel, options="model='mock:slow'")
    kernel.run(counting())
    panel.ask("send", text="count")
    panel.wait(lambda t: bool(t["live"] and t["live"]["text"]))
    panel.ask("stop")
    reply = panel.transcript["messages"][-1]
    assert reply["status"] == "stopped"
    assert reply["text"].startswith("1 ")
    assert panel.eval("panel.busy, panel.value[-1].request.status") == "(False, 'stopped')"


def test_a_second_send_meanwhile_is_refused(kernel):
    """While a reply arrives, another send from a panel is refused with words, and nothing of it is stored."""
    panel = opened(kernel, options="model='mock:slow'")
    kernel.run(counting())
    panel.ask("send", text="first")
    with pytest.raises(RuntimeError, match="A reply is arriving"):
        panel.ask("send", text="second")
    panel.ask("stop")
    assert texts(panel.transcript, "user") == ["first"]


def test_a_message_that_comes_twice_is_sent_once(panel):
    """A page that thought the kernel dead may send a text again; its key tells."""
    panel.ask("send", text="once", key="k1")
    panel.wait(lambda t: len(t["messages"]) == 2 and not t["live"])
    panel.ask("send", text="once", key="k1")
    assert panel.eval("len(panel.value)") == "2"


def test_edit_regenerate_and_versions(panel):
    """Editing and regenerating make siblings that `version` goes to; nothing is lost."""
    panel.kernel.run(SCRIPTED.format(replies=["A", "B", "C"], delay_s=0, chunk_chars=None))
    panel.say("first")
    question = panel.transcript["messages"][0]
    panel.ask("edit", id=question["id"], text="better")
    edited = panel.wait(lambda t: texts(t) == ["better", "B"])
    assert edited["messages"][0]["version"] == [2, 2, question["id"], None]
    panel.ask("regenerate", id=edited["messages"][1]["id"], model="mock:other")
    again = panel.wait(lambda t: texts(t) == ["better", "C"])
    assert again["messages"][1]["version"][:2] == [2, 2]
    assert again["messages"][1]["note"].startswith("mock:")
    panel.ask("version", id=question["id"])
    assert texts(panel.transcript) == ["first", "A"]


def test_a_reply_tells_its_address_and_what_became_of_others(panel):
    """Below a reply stand its address and what stays behind; going back tells what comes back."""
    panel.say("one")
    assert panel.say("two")["note"].endswith(" · turn 1.1")
    first = panel.transcript["messages"][0]
    panel.ask("edit", id=first["id"], text="better")
    edited = panel.wait(lambda t: len(t["messages"]) == 2 and not t["live"])
    assert edited["messages"][1]["note"].endswith(" · turn 0.2 · 1 later turn stays with 0.1")
    assert panel.ask("version", id=first["id"])["told"] == "1 later turn comes back"
    assert panel.transcript["messages"][-1]["note"].endswith(" · turn 1.1")


def test_branch_hide_and_system_prompt(panel):
    """A branch goes on from a reply; a hidden turn and an old system prompt are kept and no longer sent."""
    panel.say("one")
    panel.ask("system", text="Be brief.")
    panel.ask("system", text="Be long.")
    assert panel.eval("panel.info['system']") == "Be long."
    panel.say("two")
    first = panel.transcript["messages"][1]
    panel.ask("branch", id=first["id"])
    assert panel.eval("panel.info['branch'], panel.info['branches']") == "('branch-2', ['main', 'branch-2'])"
    assert len(panel.transcript["messages"]) == 2
    panel.ask("switch_branch", name="main")
    panel.ask("hide", id=first["id"])
    items = panel.transcript["messages"]
    assert [(item["role"], item["hidden"]) for item in items if item["role"] != "system"] == [
        ("user", True),
        ("assistant", True),
        ("user", False),
        ("assistant", False),
    ]
    panel.ask("hide", id=first["id"], hidden=False)
    assert not panel.transcript["messages"][1]["hidden"]


def test_sessions(panel):
    """New, open, rename and archive; the list holds the user's sessions, archived ones at its end."""
    panel.say("in the first")
    first, label = panel.eval("panel.session.session_id"), panel.eval("panel.session.title")
    assert (
        panel.eval("panel.info['title'], panel.info['name'] == panel.session.title")
        == "('In the first', True)"
    )
    panel.ask("new", name="other")
    assert panel.transcript["messages"] == []
    panel.ask("rename", name="another")
    assert panel.eval("panel.info['name'], panel.session.title") == "('another', 'another')"
    assert panel.eval("panel.info['title']") == ""
    choices = panel.ask("sessions")["sessions"]
    assert [(choice["label"], choice["name"]) for choice in choices] == [
        ("another", ""),
        ("In the first", label),
    ]
    panel.ask("archive")
    panel.ask("open", id=first)
    assert texts(panel.transcript, "user") == ["in the first"]
    choices = panel.ask("sessions")["sessions"]
    assert [(choice["label"], choice.get("group")) for choice in choices] == [
        ("In the first", None),
        ("another", "Archived"),
    ]
    panel.ask("open", id=choices[1]["value"])
    assert panel.eval("panel.info['archived']") == "True"
    panel.ask("archive", archived=False)
    assert panel.eval("panel.info['archived']") == "False"
    with pytest.raises(RuntimeError, match="no longer stored"):
        panel.ask("open", id="nowhere")


def test_a_search_over_all_sessions_opens_the_place(panel):
    """Hits come with their session and the text around; the session is shown as far up as the message."""
    panel.say("where is the **needle** hidden?")
    first = panel.eval("panel.session.session_id")
    panel.kernel.run(
        """
from langswarm_nb.core.session import MessageRole, SessionMessage
await panel.session.append([SessionMessage(role=MessageRole.USER, content=f"question {n}") for n in range(80)])
"""
    )
    panel.ask("new", name="other")
    found = [hit for hit in panel.ask("search", text="NEEDLE hidden")["found"] if "you" in hit["hint"]]
    [hit] = found
    assert (hit["value"], hit["label"]) == (first, "Where is the needle hidden?")
    assert "needle" in hit["snippet"]
    assert panel.ask("find", id=hit["value"], message=hit["message"]) == {"shown": True}
    assert panel.transcript["messages"][0]["id"] == hit["message"]
    assert panel.eval("panel.session.session_id") == first
    assert panel.ask("search", text="nowhere to be found") == {"found": []}
    with pytest.raises(RuntimeError, match="no longer stored"):
        panel.ask("find", id=first, message="nobody")


def test_what_is_found_off_the_path_is_not_moved_to_by_itself(panel):
    """A hit in another version is told, and the conversation goes there only when its reader says so."""
    panel.say("an odd question")
    question = panel.transcript["messages"][0]["id"]
    panel.ask("edit", id=question, text="a better question")
    panel.wait(
        lambda t: not t["live"] and texts(t, "user") == ["a better question"] and len(t["messages"]) == 2
    )
    hits = panel.ask("search", text="odd")["found"]
    place = panel.ask("find", id=hits[0]["value"], message=question)
    assert (place["shown"], place["version"]) == (False, True)
    assert texts(panel.transcript, "user") == ["a better question"]
    panel.ask("version", id=question)
    assert panel.ask("find", id=hits[0]["value"], message=question) == {"shown": True}


def test_models_are_offered_with_what_they_take_and_cost(panel):
    """Of providers whose key is set, from the price table; of the others the cell that asks for a key."""
    panel.kernel.run("import os; os.environ['ANTHROPIC_API_KEY'] = 'sk-ant-not-a-real-key'")
    choices = panel.ask("models")["models"]
    groups = {choice["value"]: choice.get("group", "") for choice in choices}
    mine = [choice for choice in choices if choice["value"].startswith("anthropic:")]
    assert len(mine) > 5
    assert all(choice["group"].startswith("anthropic: context") for choice in mine)
    assert all("$" in choice["hint"] for choice in mine)
    assert any("200k · $" in choice["hint"] for choice in mine)
    [keyless] = [choice for choice in choices if choice["value"] == "groq"]
    assert (keyless["hint"], keyless["code"]) == ("no key set", "%langswarm key groq")
    assert "anthropic" not in groups
    assert "not-a-real" not in str(choices)


def test_the_budget_is_told_as_a_share(kernel):
    """What is left, in words and as a share; nothing without a limit."""
    panel = opened(kernel)
    assert panel.eval("panel.info['budget']") == "None"
    kernel.run("%config LangSwarmMagics.budget_usd = 2.0")
    workspace = 'get_ipython().magics_manager.registry["LangSwarmMagics"].workspace'
    kernel.run(f"{workspace}.spent_usd = 1.5")
    panel.say("hello")
    told = panel.eval("panel.info['budget']")
    kernel.run(f"%config LangSwarmMagics.budget_usd = None\n{workspace}.spent_usd = 0.0")
    assert told == "{'text': '$0.5000 of $2.00 left', 'share': 0.25}"


def test_models_and_options(panel):
    """A model and options are settings of the session; what is not allowed is refused with words."""
    names = {choice["value"] for choice in panel.ask("models")["models"]}
    assert {"mock:echo", "mock:slow"} <= names
    panel.ask("model", model="mock:script")
    panel.ask("options", values={"temperature": "0.3", "max_tokens": "100", "top_p": ""})
    assert panel.eval("panel.session.model, panel.session.settings.temperature") == "('script', 0.3)"
    assert panel.eval("panel.info['options']['max_tokens'], panel.info['options']['top_p']") == "(100, None)"
    with pytest.raises(RuntimeError, match="temperature"):
        panel.ask("options", values={"temperature": "warm"})
    with pytest.raises(RuntimeError, match="temperature"):
        panel.ask("options", values={"temperature": "-1"})
    with pytest.raises(RuntimeError, match="model"):
        panel.ask("model", model="nobody:nothing")


def test_a_model_without_a_key_is_marked_and_refused(panel):
    """The list says which models lack a key; sending to one says which variable is missing, and keeps nothing."""
    panel.ask("model", model="groq:some-model")
    hints = {choice["value"]: choice["hint"] for choice in panel.ask("models")["models"]}
    assert hints["groq:some-model"] == "no key set"
    assert hints["mock:echo"] == "offline"
    with pytest.raises(RuntimeError, match="GROQ_API_KEY"):
        panel.ask("send", text="hello")
    assert panel.transcript["messages"] == []


def test_export_writes_a_file_of_a_harmless_name(panel):
    """The file lies in the working folder, named after the session; no name leads elsewhere, no file is replaced."""
    panel.say("hello")
    panel.ask("rename", name="../../etc/passwd")
    names = [panel.ask("export", format="md")["path"] for _ in range(2)]
    assert names == ["etc-passwd.md", "etc-passwd-2.md"]
    assert "hello" in panel.eval("open('etc-passwd.md').read()")
    for form in json.loads(panel.eval("json.dumps(panel.info['exports'])")):
        path = panel.ask("export", format=form)["path"]
        assert "hello" in panel.eval(f"open({path!r}).read()")
    with pytest.raises(RuntimeError, match="format"):
        panel.ask("export", format="exe")


def test_the_frame_code_runs(panel):
    """What is inserted for a frame gives the messages of this session."""
    panel.say("hello")
    code = panel.ask("frame")["code"]
    assert panel.kernel.run(f"{code}.shape[0]").result == "2"


def test_a_failed_reply_is_shown_with_its_words(kernel):
    """A provider's error is part of the conversation; regenerating answers the same question."""
    panel = opened(kernel, options="model='mock:error'")
    reply = panel.say("hello")
    assert reply["status"] == "error"
    assert "mock:error always fails" in reply["error"]
    panel.ask("regenerate", id=reply["id"], model="mock:echo")
    whole = panel.wait(lambda t: t["messages"][-1]["status"] == "ok" and not t["live"])
    assert whole["messages"][-1]["version"][:2] == [2, 2]


@pytest.mark.parametrize(
    "kind, content",
    [
        ("send", {}),
        ("send", {"text": "  "}),
        ("send", {"text": 5}),
        ("edit", {"id": "nothing", "text": "x"}),
        ("regenerate", {"id": "nothing"}),
        ("version", {}),
        ("options", {"values": [1]}),
        ("new", {"name": ["x"]}),
    ],
)
def test_nonsense_is_answered(panel, kind, content):
    """Whatever a page sends, it gets an answer, and the panel goes on."""
    try:
        panel.ask(kind, **content)
    except RuntimeError as error:
        assert str(error)  # noqa: PT017 - an answer of either kind will do
    panel.post("no such thing")
    panel.post("send", n=None)
    panel.wait(lambda t: not t["live"])
    assert panel.ask("sessions")["sessions"]


def test_a_cell_appears_while_it_is_answered(panel):
    """What `%%langswarm` asks in the same session is seen with its reply while that arrives, marked as foreign."""
    panel.post("hello", rev=0)
    panel.kernel.run(SCRIPTED.format(replies=["one two three four"], delay_s=0.2, chunk_chars=None))
    panel.kernel.run("%%langswarm\nfrom a cell")
    panel.wait(lambda t: len(t["messages"]) == 2 and not t["live"])
    lives = [content["live"] for content in panel.customs if content["type"] == "patch" and content["live"]]
    assert lives[0]["foreign"]
    deltas = [content["text"] for content in panel.customs if content["type"] == "delta"]
    assert "".join(deltas) == "one two three four"
    assert len(deltas) > 1


STOPS = """
import threading, time
from langswarm_nb.notebook.bridge import submit
def stops():
    while panel.feed.live is None or not panel.feed.live.state["text"]:
        time.sleep(0.02)
    submit(panel.feed.stop_all()).result()
stopping = threading.Thread(target=stops)
stopping.start()
"""


def test_stop_ends_what_a_cell_has_asked(kernel):
    """Stop in a panel stops the answer to a cell: what came is kept, and the cell ends as one that was stopped."""
    panel = opened(kernel)
    kernel.run(counting() + STOPS)
    cell = kernel.execute("%%langswarm\nfrom a cell")
    assert (cell.ename, "what had arrived is kept" in cell.evalue) == ("KeyboardInterrupt", True)
    assert "stopped" in cell.displays[-1]["data"]["text/html"]
    assert cell.displays[-1]["data"]["text/plain"].startswith("1 ")
    kernel.run("stopping.join()")
    reply = panel.wait(lambda t: not t["live"] and len(t["messages"]) == 2)["messages"][-1]
    assert (reply["status"], reply["text"][:2]) == ("stopped", "1 ")
    kernel.run(SCRIPTED.format(replies=["Told."], delay_s=None, chunk_chars=None))
    assert kernel.run("%%langswarm\nonce more").status == "ok"


def test_a_wait_between_attempts_is_told(kernel):
    """While a failed request waits to be repeated, the panel says why and for how long."""
    kernel.run(LOAD)
    kernel.run(
        """
from langswarm_nb.core.session import RetryNotice
from langswarm_nb.core.session.providers.mock import MockProviderSession
notice = RetryNotice(attempt=1, wait_s=7.0, reason="Too many requests")
mock = MockProviderSession(replies=[[notice, "at last"]], delay_s=0.5)
ls.session().manager.add_provider_session("mock", mock)
panel = ls.chat()
panel
"""
    )
    panel = KernelPanel(kernel)
    assert panel.say("hello")["text"] == "at last"
    notes = {
        content["live"]["note"] for content in panel.customs if content["type"] == "patch" and content["live"]
    }
    assert "Too many requests; attempt 2 in 7 s" in notes


def test_what_no_hook_tells_is_seen_after_the_cell(panel):
    """Undo, renaming and hiding in a cell show as soon as the cell has ended."""
    panel.say("one")
    panel.say("two")
    panel.kernel.run("await panel.session.undo(); await panel.session.rename('renamed')")
    assert len(panel.wait(lambda t: len(t["messages"]) == 2)["messages"]) == 2
    assert panel.eval("panel.info['name']") == "renamed"
    panel.kernel.run("await panel.session.hide(panel.value[0].id)")
    panel.wait(lambda t: t["messages"][0]["hidden"])


def test_a_deleted_session_is_told(panel):
    """A panel whose session is deleted says so and stays usable."""
    panel.say("one")
    panel.kernel.run("await panel.session.delete()")
    panel.wait(lambda t: t["messages"] == [])
    assert "(deleted)" in panel.eval("panel.info['name']")
    panel.ask("new", name="next")
    assert panel.say("two")["status"] == "ok"


def test_hello_fills_gaps(panel):
    """A page that missed something gets the whole; one that did not gets an answer and nothing more."""
    panel.say("one")
    rev = panel.transcript["rev"]
    before = len(panel.customs)
    panel.ask("hello", rev=rev)
    assert [content["type"] for content in panel.customs[before:]] == ["ack", "result"]
    panel.ask("hello", rev=rev - 1)
    [snapshot] = [content for content in panel.customs if content["type"] == "snapshot"]
    assert {key: snapshot[key] for key in panel.transcript} == panel.transcript
