"""The panel in a real kernel when something is in its way: a storage that refuses, a stop too early, a taken name."""

from __future__ import annotations

import pytest

from tests.support.panel_kernel import LOAD, opened, texts

pytestmark = pytest.mark.kernel

REFUSE = """
from langswarm_nb.core.session import SessionStorageError
storage = type(panel.manager.storage)
kept = {name: getattr(storage, name) for name in ("append_messages", "save_partial")}
async def refuse(*_args, **_kwargs):
    raise SessionStorageError("The disk is full. Free some space, then send again.")
for name in kept:
    setattr(storage, name, refuse)
"""
ALLOW = "for name in kept:\n    setattr(storage, name, kept[name])"


def test_a_question_that_cannot_be_stored_goes_back_to_its_reader(kernel):
    """The page hears that its message was not kept, so that it can give the text back; nothing of it is shown."""
    panel = opened(kernel)
    kernel.run(REFUSE)
    with pytest.raises(RuntimeError, match="The disk is full"):
        panel.ask("send", text="precious", key="k1")
    assert panel.transcript["messages"] == []
    kernel.run(ALLOW)
    assert panel.say("precious")["status"] == "ok"
    assert texts(panel.transcript, "user") == ["precious"]


def test_a_reply_that_cannot_be_stored_is_told_and_can_be_asked_for_again(kernel):
    """When the storage fails in mid-reply the panel says why, is free again, and answers the same question anew."""
    kernel.run("import threading; refused = threading.Event()")
    until_refused = "lambda request: ('one ' for _ in iter(refused.is_set, True))"
    panel = opened(kernel, replies=f"[{until_refused}, 'two']", delay_s=0.02)
    panel.ask("send", text="question")
    panel.wait(lambda t: bool(t["live"] and t["live"]["text"]))
    kernel.run(f"{REFUSE}\nrefused.set()")
    panel.wait(lambda t: not t["live"])
    assert "The disk is full" in panel.eval("panel.problem")
    assert panel.eval("panel.busy") == "False"
    came = panel.transcript["messages"][1]
    assert came["text"].startswith("one one")
    assert "not stored yet" in came["note"]
    kernel.run(ALLOW)
    panel.ask("regenerate", id=panel.transcript["messages"][0]["id"])
    panel.wait(lambda t: texts(t) == ["question", "two"] and not t["live"])
    assert panel.eval("panel.problem") == ""
    stored = kernel.run("[m.content[:3] for m in await panel.session.get_messages(branch='all')]").result
    assert stored == "['que', 'one', 'two']"


def test_stop_right_after_send_keeps_the_question(kernel):
    """However early Stop comes, the question is stored or the page is told that it is not."""
    panel = opened(kernel, options="model='mock:slow'")
    sent = panel.post("send", text="wait, no")
    panel.ask("stop")
    kernel.wait_for(sent, lambda: any(m["type"] == "result" and m["n"] == "t0" for m in panel.customs))
    [result] = [m for m in panel.customs if m["type"] == "result" and m["n"] == "t0"]
    assert ("error" in result) == ("wait, no" not in texts(panel.transcript))
    assert panel.eval("panel.busy") == "False"


def test_a_name_that_another_session_has_is_refused(kernel):
    """Cells find sessions by name, so the panel makes no second one of a name, by New or by Rename."""
    panel = opened(kernel)
    panel.ask("new", name="taken")
    panel.ask("new", name="free")
    for kind in ("new", "rename"):
        with pytest.raises(RuntimeError, match="There is a session 'taken' already"):
            panel.ask(kind, name="taken")
    panel.ask("rename", name="free")
    assert panel.eval("panel.info['name']") == "free"


def test_a_panel_that_could_not_be_opened_leaves_nothing_behind(kernel):
    """Wrong arguments are refused before anything is made, or what was made is taken away again."""
    kernel.run(LOAD)
    kernel.run("import comm, gc\npanel = ls.chat(); panel.close()")
    count = "gc.collect(); print(len(comm.get_comm_manager().comms), len(panel.manager.hooks))"
    before = kernel.run(count).stdout
    for options in ("model='nobody:nothing'", "theme='pink'", "height=3", "enter_sends='yes'"):
        assert kernel.execute(f"ls.chat({options})").status == "error"
    assert kernel.run(count).stdout == before
    assert kernel.run("%xmode Minimal").stderr == ""


def test_the_twin_tells_what_is_hidden(kernel):
    """Hiding a message changes the static output beside the panel."""
    panel = opened(kernel)
    shown = kernel.run("panel")
    panel.say("between us")
    panel.ask("hide", id=panel.transcript["messages"][0]["id"])
    kernel.wait_for(shown, lambda: "hidden from the model" in shown.outputs[1]["data"]["text/plain"])
