"""The panel in a real kernel: how it opens, how many there may be, what it shows without a page, what it leaves."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from tests.support.panel_kernel import LOAD, KernelPanel, opened, texts
from tests.support.waits import PATIENCE_S

pytestmark = pytest.mark.kernel


@pytest.fixture
def panel(kernel):
    """Return a panel on a fresh session with the model mock:echo."""
    return opened(kernel)


def test_the_widget_is_loaded_late(new_kernel):
    """Loading the extension, asking and showing a session load no widget package."""
    new_kernel.run(LOAD)
    new_kernel.run("%%langswarm\nhello")
    new_kernel.run("%langswarm show")
    assert new_kernel.run("import sys; print('anywidget' in sys.modules)").stdout == "False\n"


def test_the_first_state_of_a_panel_names_its_twin(kernel):
    """A page that draws the panel before it has seen any change knows which twin to hide."""
    kernel.run(LOAD)
    opens = [
        message["content"]["data"]["state"]["panel_id"]
        for message in kernel.run("panel = ls.chat()").messages
        if message["msg_type"] == "comm_open" and "panel_id" in message["content"]["data"]["state"]
    ]
    assert opens == [kernel.run("print(panel.model_id)").stdout.strip()]


def test_only_the_last_messages_are_shown_until_asked(kernel):
    """A panel on a long session shows the last 50 messages; earlier ones come when asked for, once each."""
    kernel.run(LOAD)
    kernel.run(
        """
from langswarm_nb.core.session import MessageRole, SessionMessage
workspace = get_ipython().magics_manager.registry["LangSwarmMagics"].workspace
session = await workspace.current()
roles = [MessageRole.USER, MessageRole.ASSISTANT]
await session.storage.append_messages(
    session.session_id, [SessionMessage(role=roles[n % 2], content=f"message {n}") for n in range(120)])
panel = ls.chat()
panel
"""
    )
    panel = KernelPanel(kernel)
    assert panel.transcript["earlier"] == 70
    assert texts(panel.transcript)[0] == "message 70"
    panel.ask("earlier")
    assert texts(panel.transcript)[0] == "message 20"
    [patch] = [content for content in panel.customs if content["type"] == "patch"]
    assert len(patch["items"]) == 50
    assert len(patch["tail"]) == 100
    panel.ask("earlier")
    assert panel.transcript["earlier"] == 0
    panel.say("and on")
    assert len(panel.transcript["messages"]) == 122


def test_ten_panels_stay_consistent(kernel):
    """Panels on one session show the same, whoever of them sends, also while the reply arrives."""
    panel = opened(kernel, replies=["one " * 50, "two " * 50], delay_s=0.002)
    kernel.run("others = [ls.chat() for _ in range(9)]")
    panel.ask("send", text="first")
    panel.wait(lambda t: len(t["messages"]) == 2 and not t["live"])
    kernel.run("panel.close(); panel = others.pop()\npanel")
    KernelPanel(kernel).say("second")
    same = "len({json.dumps(p.transcript['messages']) for p in others}), len(panel.transcript['messages'])"
    assert panel.eval(same) == "(1, 4)"


def test_closed_panels_leave_nothing_behind(kernel):
    """A hundred panels, opened and closed, leave no widget, comm, hook, task, callback or feed."""
    kernel.run(LOAD)
    kernel.run(
        """
import asyncio, gc, time, weakref, comm
from langswarm_nb.notebook.bridge import io_loop, submit
from langswarm_nb.notebook.panel import ChatPanel
from langswarm_nb.notebook.panel.hub import hub_of
workspace = get_ipython().magics_manager.registry["LangSwarmMagics"].workspace
manager, events = workspace.manager, get_ipython().events
session = await workspace.current()
async def ask(panel):
    async def opened():
        return session.stream_message("hello", model="mock:slow")
    await panel.run(opened())
async def count():
    tasks = len(asyncio.all_tasks(io_loop())) - 1
    return tasks, len(comm.get_comm_manager().comms), len(manager.hooks), len(events.callbacks["post_run_cell"])
def all_counts():
    from ipywidgets.widgets.widget import _instances
    return *submit(count()).result(), len(_instances), len(hub_of(manager).feeds)
"""
    )
    kernel.run("ChatPanel(session).close(); gc.collect(); before = all_counts()")
    kernel.run(
        """
refs = []
for number in range(100):
    panel = ChatPanel(session)
    refs.append(weakref.ref(panel))
    if number % 10 == 0:
        submit(ask(panel)).result()
        while not (panel.transcript["live"] or {}).get("text"):
            time.sleep(0.01)
    panel.close()
    panel.close()
del panel
gc.collect()
after = all_counts()
"""
    )
    assert kernel.run("print(before == after, before, after)").stdout.startswith("True")
    assert kernel.run("gc.collect(); print(sum(ref() is not None for ref in refs))").stdout.strip() == "0"
    assert kernel.run(
        "print({m.request.status for m in await session.get_messages() if m.request})"
    ).stdout == ("{'stopped'}\n")


def test_a_cell_that_runs_again_closes_its_panel(kernel):
    """Running the cell of a panel again leaves one panel, not two."""
    kernel.run(LOAD)
    kernel.run("first = ls.chat()\nfirst", cell_id="c1")
    kernel.run("second = ls.chat()\nsecond", cell_id="c1")
    assert kernel.run("print(first.comm is None, second.comm is not None)").stdout == "True True\n"
    assert re.fullmatch(r"ChatPanel\('[\d :-]+', 0 messages, closed\)\n", kernel.run("first").stdout)


def test_one_run_of_a_cell_may_open_many_panels(kernel):
    """Ten panels of one cell are open together, and all are closed when the cell runs again."""
    kernel.run(LOAD)
    cell = "panels = [ls.chat() for _ in range(10)]; everyone = [*globals().get('everyone', ()), *panels]"
    for run in (1, 2):
        kernel.run(cell, cell_id="c1")
        assert kernel.run(
            "print([panel.comm is not None for panel in everyone].count(True), len(everyone))"
        ).stdout == (f"10 {10 * run}\n")


def test_the_command_opens_a_panel(kernel):
    """`%langswarm chat` opens a panel on this notebook's session, or on another, with the model given."""
    kernel.run(LOAD)
    kernel.run("%langswarm new other")
    kernel.run("%langswarm chat")
    assert kernel.run("print(_)").stdout == "ChatPanel('other', 0 messages)\n"
    kernel.run("%langswarm new third")
    kernel.run("%langswarm chat other -m mock:slow")
    assert kernel.run("print(_, _.session.model)").stdout == "ChatPanel('other', 0 messages) slow\n"


def test_the_twin_is_refreshed_at_each_end_of_a_turn(panel):
    """Beside the panel is an output with the whole conversation, safe HTML and plain text, and one for what comes."""
    shown = panel.kernel.run("panel")
    panel.say("hello <script>alert(1)</script>")
    panel.kernel.wait_for(shown, lambda: "You said" in shown.outputs[1]["data"]["text/plain"])
    [view, twin, rest] = [output["data"] for output in shown.outputs]
    assert rest == {"text/html": "", "text/plain": ""}
    assert "application/vnd.jupyter.widget-view+json" in view
    assert re.fullmatch(r"ChatPanel\('[\d :-]+', 0 messages\)", view["text/plain"])
    assert "You said: hello" in twin["text/plain"]
    assert "<script>" not in twin["text/html"]
    assert "You said: hello &lt;script&gt;" in twin["text/html"]


def test_names_and_texts_never_become_markup(panel):
    """Every HTML that reaches the page is from the renderer; names and user text go as text."""
    bad = "<img src=x onerror=alert(1)>"
    panel.ask("rename", name=bad)
    reply = panel.say(bad)
    question = panel.transcript["messages"][0]
    assert question["html"] is None
    assert question["text"] == bad
    assert "<img" not in reply["html"]
    assert panel.eval("panel.info['name']") == bad


def test_wrong_arguments_are_told(kernel):
    """What is not a session, model or theme is refused with words."""
    kernel.run(LOAD)
    for code, word in [
        ("ls.ChatPanel('default')", "session"),
        ("ls.chat('nowhere')", "no session"),
        ("ls.chat(model='nobody:nothing')", "model"),
        ("ls.chat(theme='pink')", "theme"),
    ]:
        cell = kernel.execute(code)
        assert cell.status == "error"
        assert word in cell.evalue


def test_outside_of_a_kernel_a_panel_still_holds_the_conversation(tmp_path):
    """In a script, where nobody sees it, a panel can be made, used and closed."""
    code = """
import asyncio, langswarm_nb as ls
panel = ls.chat()
asyncio.run(panel.session.send_message("hello"))
print(len(panel.value), panel)
panel.close()
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("2 ChatPanel(")


def test_a_script_ends_though_its_panel_is_open():
    """What frees the panel at the very end starts nothing that the interpreter would wait for."""
    code = "import langswarm_nb as ls\npanel = ls.chat()"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_json_of_the_transcript_holds_no_key(kernel):
    """A key that the kernel knows is in nothing that goes to the page."""
    key = "sk-canary-0123456789abcdefghij"
    kernel.run(f"import os; os.environ['OPENAI_API_KEY'] = {key!r}")
    panel = opened(kernel)
    panel.say("hello")
    panel.ask("models")
    panel.ask("sessions")
    assert key not in json.dumps(panel.customs)
    assert key not in json.dumps(panel.updates)


def test_a_turn_in_a_long_conversation_sends_the_end_of_the_twin(kernel):
    """What is long is saved once, and below it what came since; when that grows long too, all is one again."""
    kernel.run(LOAD)
    kernel.run(LONG)
    shown = kernel.run("panel = ls.chat(); panel")
    [_, whole, rest] = shown.outputs
    panel = KernelPanel(kernel)
    before = dict(whole["data"])
    assert before["text/plain"].startswith("long: 40 messages")
    panel.say("what now?")
    kernel.wait_for(shown, lambda: "You said: what now?" in rest["data"]["text/plain"])
    assert whole["data"] == before
    assert rest["data"]["text/plain"].startswith("long: 42 messages, the last 2 of them")
    assert f"lsnb-twin-{panel.eval('panel.panel_id')}" in rest["data"]["text/html"]
    panel.say("and " + "more " * 2000)
    kernel.wait_for(shown, lambda: rest["data"]["text/html"] == "")
    assert whole["data"]["text/plain"].startswith("long: 44 messages")
    assert all(words in whole["data"]["text/plain"] for words in ("question 0", "what now?", "and more"))
    panel.ask("hide", id=panel.transcript["messages"][0]["id"])
    kernel.wait_for(shown, lambda: "hidden from the model" in whole["data"]["text/plain"])


LONG = """
from langswarm_nb.core.session import MessageRole, SessionMessage
session = ls.session()
await session.rename("long")
roles = [MessageRole.USER, MessageRole.ASSISTANT]
await session.append([SessionMessage(role=roles[n % 2], content=f"question {n} " + "word " * 60) for n in range(40)])
"""
