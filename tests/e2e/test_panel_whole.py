"""The panel at its limits and by keyboard, in both front ends: long sessions, a long answer, no mouse, both themes."""

from __future__ import annotations

import re

import pytest

from tests.support.axe import findings
from tests.support.counting import counting

LOAD = "%load_ext langswarm_nb\nimport langswarm_nb as ls"
LONG_SESSION = f"""{LOAD}
from langswarm_nb.core.session import MessageRole, SessionMessage
panel = ls.chat(model="mock:echo")
roles = [MessageRole.USER, MessageRole.ASSISTANT]
told = [SessionMessage(role=roles[n % 2], content=f"message **{{n}}**\\n\\n" + "words " * 40) for n in range(2000)]
await panel.session.storage.append_messages(panel.session.session_id, told)"""
BLOCK = "Some words and `code`. " * 40 + "\n\n"
# Half of the answer comes when the page has shown that it can be used meanwhile.
LONG_ANSWER = f"""{LOAD}
import threading
from langswarm_nb.core.session.provider_events import Delta
from langswarm_nb.core.session.providers.mock import MockProviderSession
panel = ls.chat(model="mock:script")
text, go_on = {BLOCK!r} * 110, threading.Event()

def steps(request):
    yield text[:len(text) // 2]
    while not go_on.is_set():
        yield Delta("")
    yield text[len(text) // 2:]

mock = MockProviderSession(replies=[steps], chunk_chars=200, delay_s=0.005)
panel.manager.add_provider_session("mock", mock)
panel"""


PLACE = """(id) => document.querySelector(`[data-id="${id}"]`).getBoundingClientRect().top
  - document.querySelector('.lsnb-log').getBoundingClientRect().top"""


@pytest.fixture(params=["lab", "notebook"])
def front_end(request):
    """Return the name of each front end in turn."""
    return request.param


def test_two_thousand_messages(open_notebook, front_end, page, watched):
    """The last 50 are there at once, the others on request without moving the reader; a new one is seen."""
    notebook = open_notebook([LONG_SESSION, "panel"], front_end=front_end)
    notebook.run_cell(0)
    notebook.start_cell(1)
    messages = page.locator(".lsnb-message")
    messages.last.filter(has_text="message 1999").wait_for()
    assert messages.count() == 50
    earlier = page.get_by_role("button", name="Earlier messages")
    log = page.get_by_role("log")
    while earlier.is_visible():
        log.evaluate("(log) => { log.scrollTop = 0; }")
        count, read = messages.count(), messages.first.get_attribute("data-id")
        place = page.evaluate(PLACE, read)
        earlier.click()
        messages.nth(count).wait_for()
        page.wait_for_function(f"([read, place]) => Math.abs(({PLACE})(read) - place) < 2", arg=[read, place])
    assert messages.count() == 2000
    assert re.search(r"message \*\*0\*\*", messages.first.inner_text())
    log.focus()
    page.keyboard.press("End")
    messages.last.filter(has_text="message 1999").wait_for()
    box = page.get_by_role("textbox", name="Message", exact=True)
    box.fill("one more")
    box.press("Enter")
    messages.nth(2001).filter(has_text="one more").wait_for()
    assert log.evaluate("(log) => log.scrollHeight - log.scrollTop - log.clientHeight < 40")
    assert watched.errors == []


def test_an_answer_of_100_kilobytes(open_notebook, front_end, page, watched):
    """A long answer streams, the page answers meanwhile, and the whole text is in the page and in the store."""
    cells = [LONG_ANSWER, "go_on.set()", "panel.value[-1].content == text"]
    notebook = open_notebook(cells, front_end=front_end)
    notebook.start_cell(0)
    box = page.get_by_role("textbox", name="Message", exact=True)
    box.fill("go")
    box.press("Enter")
    page.locator(".lsnb-live p").nth(5).wait_for()
    box.fill("typed meanwhile")
    notebook.run_cell(1)
    page.locator(".lsnb-live").wait_for(state="detached")
    paragraphs = page.locator(".lsnb-assistant p")
    assert paragraphs.count() == 110
    assert set(paragraphs.all_inner_texts()) == {BLOCK.replace("`", "").strip()}
    assert box.input_value() == "typed meanwhile"
    notebook.run_cell(2)
    assert notebook.text(2) == "True"
    assert watched.errors == []


class Keyboard:
    """Keys, and where they lead."""

    def __init__(self, page):
        self.page = page
        self.type = page.keyboard.type

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)

    def go_to(self, name, key="Tab"):
        """Press a key until what has this name has the focus."""
        for _ in range(30):
            focused = self.page.evaluate(
                "() => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent"
            )
            if re.match(name, focused or ""):
                return
            self.press(key)
        raise AssertionError(f"{name} was not reached by {key}; the focus is on {focused!r}")


def test_a_whole_conversation_by_keyboard(open_notebook, front_end, page, watched):
    """Ask, edit, rename, choose a model and stop without a mouse; no key goes to the front end instead."""
    replies = counting("['To the first.', 'To the better.', numbers]")
    panel = f"{LOAD}\npanel = ls.chat(model='mock:echo')\n{replies}\npanel"
    notebook = open_notebook([panel], front_end=front_end)
    notebook.run_cell(0)
    keys = Keyboard(page)
    answers = page.locator(".lsnb-assistant:not(.lsnb-live)")
    page.get_by_role("textbox", name="Message", exact=True).focus()
    keys.type("first question")
    keys.press("Enter")
    answers.filter(has_text="To the first.").wait_for()
    keys.go_to("Conversation", "Shift+Tab")
    keys.press("d", "d", "a")  # in the front end's command mode they delete and add cells
    keys.press("ArrowUp", "ArrowUp", "Tab")
    keys.go_to("Edit", "ArrowRight")
    keys.press("Enter")
    keys.go_to("Edit message")
    keys.press("Control+a")
    keys.type("better question")
    keys.press("Enter")
    answers.filter(has_text="To the better.").wait_for()
    page.locator(".lsnb-user").filter(has_text="2/2").wait_for()
    keys.go_to("Session:", "Shift+Tab")
    keys.press("Enter")
    page.locator(".lsnb-option-label").first.wait_for()  # when the entries come, all is drawn anew
    keys.go_to("Rename")
    keys.press("Enter")
    page.get_by_role("textbox", name="Name", exact=True).wait_for()
    keys.press("Control+a")
    keys.type(f"keys in {front_end}")
    keys.press("Enter")
    page.get_by_role("button", name=f"Session: keys in {front_end}").wait_for()
    keys.go_to("Model:")
    keys.press("Enter")
    keys.type("mock:slow")
    keys.press("Enter")
    page.get_by_role("button", name="Model: mock:slow").wait_for()
    keys.go_to("Message$")
    keys.type("count")
    keys.press("Enter")
    page.locator(".lsnb-live").filter(has_text="1 2 3").wait_for()
    keys.press("Escape")
    answers.filter(has_text="stopped").wait_for()
    keys.go_to("Message$", key="Escape")
    assert len(notebook.sources()) == 1
    assert watched.errors == []


def test_no_serious_finding_in_either_theme(open_notebook, front_end, page):
    """axe-core finds nothing serious or critical with the colours of the front end's own themes."""
    notebook = open_notebook([f"{LOAD}\npanel = ls.chat(model='mock:script')\npanel"], front_end=front_end)
    notebook.start_cell(0)
    box = page.get_by_role("textbox", name="Message", exact=True)
    for number in range(3):
        box.fill(f"Message {number}")
        box.press("Enter")
        page.locator(".lsnb-assistant:not(.lsnb-live)").nth(number).wait_for()
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        notebook.command("apputils:change-theme", {"theme": theme})
        page.locator(".lsnb-assistant").last.hover()
        assert findings(page) == []
