"""The chat panel where it lives: JupyterLab and Notebook 7, a real kernel, a real browser."""

from __future__ import annotations

import re
import secrets

import pytest
from nbconvert import HTMLExporter

from tests.support.counting import counting

LOAD = "%load_ext langswarm_nb\nimport langswarm_nb as ls"
PANEL = f"{LOAD}\npanel = ls.chat(model='mock:echo')\npanel"
COUNTING = f"{LOAD}\npanel = ls.chat(model='mock:slow')\n{counting()}\npanel"
SCRIPTED = f"""{LOAD}
from langswarm_nb.core.session.providers.mock import MockProviderSession
panel = ls.chat(model="mock:echo")
panel.manager.add_provider_session("mock", MockProviderSession(replies=REPLIES))
panel"""


class Panel:
    """What a reader does in the panel of the page."""

    def __init__(self, page, number=0):
        self.page = page
        self.root = page.locator(".lsnb-panel").nth(number)

    @property
    def box(self):
        return self.root.get_by_role("textbox", name="Message", exact=True)

    @property
    def questions(self):
        return self.root.locator(".lsnb-user")

    @property
    def answers(self):
        return self.root.locator(".lsnb-assistant:not(.lsnb-live)")

    @property
    def live(self):
        return self.root.locator(".lsnb-live")

    def send(self, text):
        self.box.fill(text)
        self.box.press("Enter")

    def ask(self, text):
        """Send a message and wait for the end of the reply."""
        count = self.answers.count()
        self.send(text)
        self.answers.nth(count).wait_for()

    def act(self, message, name):
        message.hover()
        message.get_by_role("button", name=name, exact=True).click()

    def button(self, name):
        return self.root.get_by_role("button", name=name)

    def menu(self, entry):
        self.button("More").click()
        self.root.get_by_role("menuitem", name=entry).click()


@pytest.fixture(params=["lab", "notebook"])
def front_end(request):
    """Return the name of each front end in turn."""
    return request.param


@pytest.fixture
def open_panel(open_notebook, front_end, page):
    """Return a function that opens a notebook, runs its first cell and waits for its panel."""

    def opener(*cells, **options):
        notebook = open_notebook(list(cells), front_end=front_end, **options)
        notebook.start_cell(0)
        panel = Panel(page)
        panel.box.wait_for()
        return notebook, panel

    return opener


def expect_text(locator, text):
    locator.filter(has_text=re.compile(text)).first.wait_for()


def test_send_stream_stop(open_panel, page, watched):
    """Enter sends, Shift+Enter breaks the line, text streams in, Stop keeps what had arrived, focus stays."""
    notebook, panel = open_panel(COUNTING, "print(panel.value[-1].content)")
    panel.box.fill("first")
    panel.box.press("Shift+Enter")
    panel.box.type("second")
    panel.box.press("Enter")
    expect_text(panel.live, "1 2 3 4")
    panel.button("Stop").click()
    expect_text(panel.answers, "stopped")
    assert panel.questions.locator(".lsnb-plain").inner_text() == "first\nsecond"
    assert panel.box.evaluate("(box) => box === document.activeElement")
    notebook.run_cell(1)
    kept = notebook.text(1).split()
    assert kept == [str(n) for n in range(1, len(kept) + 1)]
    assert len(kept) >= 4
    assert watched.errors == []
    assert watched.foreign == []


def test_versions_and_branches(open_panel, page, watched):
    """Editing and regenerating make versions that the arrows switch; a branch goes on from a reply and back."""
    replies = '["One.", "Two.", "Three.", "Four."]'
    notebook, panel = open_panel(SCRIPTED.replace("REPLIES", replies), "print(*panel.value, sep='\\n')")
    panel.ask("first question")
    panel.act(panel.questions.first, "Edit")
    editor = panel.root.get_by_role("textbox", name="Edit message")
    editor.fill("better question")
    editor.press("Enter")
    expect_text(panel.answers, "Two")
    expect_text(panel.questions, r"2/2")
    panel.button("Earlier version").click()
    expect_text(panel.answers, "One")
    expect_text(panel.questions, "first question")
    panel.button("Later version").click()
    expect_text(panel.answers, "Two")

    panel.act(panel.answers.first, "Regenerate with another model")
    page.keyboard.type("mock:other")
    page.keyboard.press("Enter")
    expect_text(panel.answers, "Three")
    expect_text(panel.answers, r"2/2")

    panel.act(panel.answers.first, "Branch here")
    panel.button("Branch: branch-2").wait_for()
    panel.ask("on the branch")
    expect_text(panel.answers, "Four")
    panel.button("Branch: branch-2").click()
    page.get_by_role("option", name="main").click()
    panel.button("Branch: main").wait_for()
    assert panel.questions.count() == 1

    panel.act(panel.questions.first, "Hide from model")
    expect_text(panel.questions, "hidden from the model")
    notebook.run_cell(1)
    assert "better question" in notebook.text(1)
    assert "Three." in notebook.text(1)
    assert watched.errors == []


def test_code_goes_into_a_cell_and_nothing_is_run(open_panel, page, watched):
    """Insert as cell puts the code below the panel's cell; the frame too; neither is run."""
    replies = '["```python\\nx = 1\\n```"]'
    notebook, panel = open_panel(SCRIPTED.replace("REPLIES", replies), "1 + 1")
    panel.ask("code, please")
    panel.act(panel.answers.first, "Insert as cell")
    panel.root.get_by_text("Nothing was run").wait_for()
    panel.menu("Insert a frame cell")
    panel.root.get_by_text("Run the cell to see the frame").wait_for()
    sources = notebook.sources()
    assert sources[2:] == ["x = 1\n", "1 + 1"]
    notebook.run_cell(1)
    assert "code, please" in notebook.text(1)


def test_sessions_and_reload(open_panel, front_end, page, watched):
    """New, rename and switch work in the panel; after a reload of the page all is there, the draft too."""
    notebook, panel = open_panel(PANEL, name=f"talk-{front_end}")
    renamed = f"renamed <b>{front_end}</b>"  # both front ends have one store
    panel.ask("in the first")
    panel.button(f"Session: talk-{front_end}").click()
    page.keyboard.type("second talk")
    panel.root.get_by_role("button", name="New “second talk”").click()
    panel.button("Session: second talk").wait_for()
    panel.ask("in the second")
    panel.button("Session: second talk").click()
    panel.button("Rename").click()
    page.get_by_role("textbox", name="Name", exact=True).fill(renamed)
    page.keyboard.press("Enter")
    panel.button(f"Session: {renamed}").wait_for()
    panel.box.fill("half a thought")
    notebook.save()
    page.reload()
    panel.button(f"Session: {renamed}").wait_for()
    expect_text(panel.questions, "in the second")
    assert panel.box.input_value() == "half a thought"
    panel.button("Session: renamed").click()
    page.get_by_role("option").filter(has_text=f"talk-{front_end}").click()
    expect_text(panel.questions, "in the first")
    panel.button(f"Session: talk-{front_end}: In the first").wait_for()
    assert watched.errors == []


def test_a_reload_in_mid_stream_goes_on(open_panel, page, watched):
    """A page that is loaded while a reply arrives shows what came before and what comes after."""
    notebook, panel = open_panel(COUNTING)
    notebook.save()
    panel.send("count")
    expect_text(panel.live, "1 2 3")
    page.reload()
    expect_text(panel.live, "1 2 3")
    seen = int(panel.live.inner_text().split()[-1])
    expect_text(panel.live, f" {seen} {seen + 1} {seen + 2}")
    panel.box.press("Escape")
    expect_text(panel.answers, "stopped")
    kept = panel.answers.locator(".lsnb-body").inner_text().split()
    assert kept == [str(number) for number in range(1, len(kept) + 1)]


def test_cells_and_panels_share_a_session(open_panel, page, watched):
    """What a cell, the API or another panel asks appears in every panel of the session while it is answered."""
    notebook, first = open_panel(
        COUNTING.replace(counting(), counting("[numbers, 'Told.', numbers]")),
        "other = ls.chat()\nother",
        "%%langswarm\nfrom a cell",
        "reply = await panel.session.send_message('from the API')",
        "panel.session.model, len(panel.value), [m.id for m in panel.value] == [m.id for m in other.value]",
        "other.close()",
    )
    notebook.run_cell(1)
    second = Panel(page, 1)
    second.box.wait_for()
    notebook.start_cell(2)
    for panel in (first, second):
        expect_text(panel.live, "1 2 3")
        expect_text(panel.questions, "from a cell")
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:interrupt-kernel')")
    for panel in (first, second):
        expect_text(panel.answers, "stopped")
    notebook.run_cell(3)
    second.send("from the second panel")
    expect_text(first.live, "1 2 3")
    first.button("Stop").click()
    for panel in (first, second):
        expect_text(panel.questions, "from the API")
        panel.answers.nth(2).wait_for()
    notebook.run_cell(4)
    assert notebook.text(4) == "('slow', 6, True)"
    notebook.run_cell(5)
    second.root.wait_for(state="detached")
    assert first.root.is_visible()
    assert watched.errors == []


def test_stop_in_a_panel_ends_the_cell_that_asked(open_panel, page, watched):
    """Stop keeps what a cell's answer had brought, in the panel and in the cell, and cells that wait are not run."""
    counts = COUNTING.replace(counting(), counting("['Told.', numbers]"))
    notebook, panel = open_panel(counts, "%%langswarm\nfrom a cell", "print('not run')", "print('after all')")
    panel.ask("before")
    notebook.start_cell(1)
    notebook.start_cell(2)
    expect_text(panel.live, "1 2 3")
    expect_text(panel.live, "asked by a cell")
    panel.button("Stop").click()
    expect_text(panel.answers, "stopped")
    page.get_by_text("what had arrived is kept").first.wait_for()
    notebook.run_cell(3)
    assert notebook.text(3).strip() == "after all"
    assert notebook.text(2) == ""
    assert watched.errors == []


RUNNING = """() =>
  window.jupyterapp.shell.currentWidget.model.sharedModel.cells[1].executionState === 'running'"""
# Blocks its kernel until the test makes the file.
BLOCKS = """import pathlib, time
while not pathlib.Path("GATE").exists():
    time.sleep(0.1)"""


@pytest.fixture
def gate(server):
    """Return a file that is not there yet; a kernel knows it by its name."""
    return server.root / f"{secrets.token_hex(6)}.gate"


def test_a_busy_kernel_answers(open_panel, gate, page, watched):
    """While a blocking cell runs, a question is answered."""
    notebook, panel = open_panel(PANEL, BLOCKS.replace("GATE", gate.name))
    panel.ask("before")
    notebook.start_cell(1)
    page.wait_for_function(RUNNING)
    panel.ask("meanwhile")
    assert page.evaluate(RUNNING)
    assert panel.root.get_by_text("The kernel").count() == 0
    gate.touch()
    notebook.wait_done()


def test_where_messages_wait_for_the_cell_the_panel_says_so(open_notebook, gate, front_end, page, watched):
    """On a front end without subshells the panel tells that the kernel is busy, and loses nothing."""
    notebook = open_notebook([PANEL, BLOCKS.replace("GATE", gate.name)], front_end=front_end)
    page.evaluate(
        """() => {
          window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.commsOverSubshells = 'disabled';
        }"""
    )
    notebook.start_cell(0)
    panel = Panel(page)
    panel.ask("before")
    notebook.start_cell(1)
    page.wait_for_function(RUNNING)
    panel.send("has to wait")
    # The words change after three seconds, which a busy machine may miss.
    panel.root.get_by_text(re.compile("The kernel (is busy|does not answer)")).wait_for()
    gate.touch()
    expect_text(panel.answers, "has to wait")
    assert panel.questions.filter(has_text="has to wait").count() == 1
    assert panel.box.input_value() == ""
    assert panel.root.get_by_text("The kernel").count() == 0


def test_after_a_kernel_restart_the_text_comes_back(open_panel, page, watched):
    """A panel whose kernel is gone says so and gives the text back; running its cell again goes on."""
    notebook, panel = open_panel(PANEL)
    panel.ask("remember me")
    notebook.restart_kernel()
    panel.send("is anybody there?")
    panel.root.get_by_text("run the cell of this panel again").wait_for()
    assert panel.box.input_value() == "is anybody there?"
    notebook.run_cell(0)
    expect_text(panel.questions, "remember me")
    assert panel.box.input_value() == "is anybody there?"


def test_the_conversation_stays_in_the_file(open_panel, page, watched, server):
    """Beside the live panel nothing else is seen; the saved notebook, opened without its kernel, shows the words."""
    notebook, panel = open_panel(PANEL)
    panel.ask("for **posterity**")
    twin = page.locator(".lsnb-twin")
    twin.get_by_text("for **posterity**").first.wait_for(state="attached")
    assert not twin.is_visible()
    saved = notebook.save()
    [output] = [
        out for out in saved.cells[0].outputs if "lsnb-twin" in out.get("data", {}).get("text/html", "")
    ]
    assert "You said" in output["data"]["text/plain"]
    exported, _ = HTMLExporter().from_notebook_node(saved)
    assert "You said: for" in exported
    page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    page.reload()
    notebook.wait_ready()
    twin.get_by_text("You said: for").wait_for()
