"""What a reader of the panel sees beside the text: a greeting, dates, titles, the budget, what is found or archived."""

from __future__ import annotations

import json

import pytest

from tests.support.panel_page import INFO, STREAMING, PanelPage, item, patch, transcript

DAY_MS = 86_400_000
NOON = "() => new Date(2026, 4, 6, 12).getTime()"


def test_an_example_goes_into_the_box(panel):
    """An empty conversation greets; an example is put into the box, to be changed, and nothing is sent by itself."""
    page = panel.page
    page.get_by_text("What would you like to know?").wait_for()
    page.get_by_role("button", name="Explain what a p-value is").click()
    assert panel.box.input_value() == "Explain what a p-value is, with a small example"
    assert panel.box.evaluate("(box) => box === document.activeElement")
    assert panel.sent("send") == []
    panel.box.press("Enter")
    assert [sent["text"] for sent in panel.sent("send")] == [
        "Explain what a p-value is, with a small example"
    ]
    assert page.get_by_text("What would you like to know?").is_hidden()


def test_without_a_real_model_the_greeting_leads_to_one(panel):
    """It says that nothing real answers, and opens the models; a service without a key offers the cell that asks."""
    page = panel.page
    models = [
        {"value": "openai:x", "label": "openai:x", "hint": "400k · $1.25 / $10", "group": "openai"},
        {
            "value": "groq",
            "label": "groq",
            "hint": "no key set",
            "group": "No key",
            "code": "%langswarm key groq",
        },
    ]
    panel.answer(json.dumps({"models": {"models": models}}))
    page.get_by_role("button", name="Choose a model").click()
    page.get_by_role("group", name="openai").get_by_role("option", name="400k · $1.25 / $10").wait_for()
    page.get_by_role("option", name="groq").click()
    page.get_by_text("Run %langswarm key groq in a cell").wait_for()
    assert panel.sent("model") == []
    page.get_by_role("button", name="Insert the cell").click()
    page.get_by_text("The text is copied").wait_for()
    assert page.evaluate("() => navigator.clipboard.readText()") == "%langswarm key groq"
    panel.set(info={**INFO, "offline": False, "model": "openai:x"})
    assert page.get_by_text("answers offline").count() == 0


@pytest.fixture
def clocked(browser):
    """Return a page on which it is noon of the 6th of May 2026."""
    page = browser.new_page(timezone_id="Europe/Berlin")
    page.clock.install(time="2026-05-06T10:00:00Z")
    yield page
    page.context.close()


def test_dates_stand_between_days(clocked):
    """Before the first message of each day, in words for the last two; a conversation of today needs none."""
    now = clocked.evaluate("() => Date.now()")
    days = clocked.locator(".lsnb-day")
    today = [item(1, "a", "user", at=now - 3000), item(2, "b", at=now)]
    PanelPage(clocked, {"transcript": transcript(*today)})
    assert days.count() == 0
    ages = {1: 400, 2: 400, 3: 3, 4: 1, 5: 1, 6: 0, 7: 0}
    older = [item(n, str(n), ["user", "assistant"][n % 2], at=now - age * DAY_MS) for n, age in ages.items()]
    panel = PanelPage(clocked, {"transcript": transcript(*older)})
    assert days.all_inner_texts() == ["1 April 2025", "Sunday 3 May", "Yesterday", "Today"]
    order = clocked.locator(".lsnb-list > *").evaluate_all(
        "(all) => all.map((one) => one.dataset.id ?? 'day')"
    )
    assert order == ["day", "m1", "m2", "day", "m3", "day", "m4", "m5", "day", "m6", "m7"]
    panel.custom(patch(item(8, "more", at=now), rev=2, keep=7))
    assert days.count() == 4


def test_a_bubble_keeps_its_width_and_place(blank):
    """The actions of a message change neither its bubble nor what stands below it."""
    page = blank.page
    messages = [item(1, "short", "user"), item(2, "a reply", note="mock:echo"), item(3, "ok", "user")]
    PanelPage(page, {"transcript": transcript(*messages)})
    boxes = """() => [...document.querySelectorAll('.lsnb-plain, .lsnb-body')].map(
      (node) => JSON.stringify(node.getBoundingClientRect()))"""
    before = page.evaluate(boxes)
    for number in (1, 2, 3):
        page.locator(f"[data-id=m{number}]").hover()
        page.locator(f"[data-id=m{number}]").get_by_role("toolbar").wait_for()
        assert page.evaluate(boxes) == before
    page.get_by_role(
        "button", name="Copy", exact=True
    ).hover()  # the actions stay where the pointer can reach them
    page.locator("[data-id=m3]").get_by_role("toolbar").wait_for()


def test_the_box_of_an_edit_is_in_view_with_its_buttons(blank):
    """Also for a long message at the edge of the view."""
    page = blank.page
    messages = [item(n, "line\n" * 12, "user") for n in range(1, 8)]
    PanelPage(page, {"transcript": transcript(*messages)})
    page.locator("[data-id=m7]").hover()
    page.get_by_role("button", name="Edit", exact=True).click()
    log = page.get_by_role("log").bounding_box()
    for part in (page.get_by_role("textbox", name="Edit message"), page.get_by_role("button", name="Cancel")):
        box = part.bounding_box()
        assert box["y"] >= log["y"] - 1
        assert box["y"] + box["height"] <= log["y"] + log["height"] + 1


def test_the_answer_to_a_cell_can_be_stopped(panel):
    """The one button is Stop while a cell is answered, and Send again for who writes meanwhile; Escape stops too."""
    page = panel.page
    panel.custom(patch(item(1, "q", "user"), rev=1, live={**STREAMING, "foreign": True}))
    page.get_by_text("asked by a cell").wait_for()
    stop = page.get_by_role("button", name="Stop")
    assert stop.is_enabled()
    panel.box.fill("my own question")
    assert stop.count() == 0
    panel.box.press("Enter")
    assert [sent["text"] for sent in panel.sent("send")] == ["my own question"]
    assert panel.sent("stop") == []
    page.reload()
    panel = PanelPage(
        page, {"transcript": transcript(item(1, "q", "user"), live={**STREAMING, "foreign": True})}
    )
    page.get_by_role("button", name="Stop").click()
    assert page.get_by_role("button", name="Stop").is_disabled()
    panel.box.press("Escape")
    assert len(panel.sent("stop")) == 1
    panel.custom(patch(item(1, "q", "user"), item(9, "so", status="stopped"), rev=2))
    page.get_by_role("button", name="Send").wait_for()


def test_the_budget_is_a_bar(panel):
    """Its words are for everybody, its colour changes when little is left; without a limit there is none."""
    page = panel.page
    assert page.get_by_role("meter").count() == 0
    colors = []
    for share, percent in ((0.5, "50"), (0.05, "5")):
        panel.set(info={**INFO, "budget": {"text": "so much left", "share": share}})
        bar = page.get_by_role("meter", name="Budget")
        assert (bar.get_attribute("aria-valuenow"), bar.get_attribute("aria-valuetext")) == (
            percent,
            "so much left",
        )
        inner, outer = bar.locator("rect").bounding_box(), bar.bounding_box()
        assert abs(inner["width"] - share * (outer["width"] - 2)) < 1
        assert inner["height"] == outer["height"] - 2
        colors.append(bar.evaluate("(bar) => getComputedStyle(bar).color"))
        assert page.locator(".lsnb-budget").inner_text() == "so much left"
    assert colors[0] != colors[1]


def test_an_archived_session_says_so_and_comes_back(panel):
    """Archived sessions stand at the end of the list; one that is open offers the way back."""
    page = panel.page
    choices = [
        {"value": "1", "label": "one", "current": True},
        {"value": "2", "label": "two", "group": "Archived"},
    ]
    panel.answer(json.dumps({"sessions": {"sessions": choices}}))
    page.get_by_role("button", name="Session: a session").click()
    page.get_by_role("group", name="Archived").get_by_role("option", name="two").click()
    assert panel.sent("open") == [{"id": "2"}]
    panel.set(info={**INFO, "archived": True})
    page.get_by_role("button", name="Unarchive").click()
    assert panel.sent("archive") == [{"archived": False}]
    panel.set(info=INFO)
    assert page.get_by_text("This session is archived").is_hidden()


def test_a_title_stands_for_a_label_that_says_nothing(panel):
    """The title is shown, the label is told with it, and both find the session."""
    page = panel.page
    panel.set(info={**INFO, "name": "hw", "title": "Why is the sky blue?"})
    choices = [
        {"value": "1", "label": "Why is the sky blue?", "name": "hw"},
        {"value": "2", "label": "other"},
    ]
    panel.answer(json.dumps({"sessions": {"sessions": choices}}))
    page.get_by_role("button", name="Session: hw: Why is the sky blue?").click()
    options = page.get_by_role("option")
    options.nth(1).wait_for()
    for typed in ("sky why", "hw"):
        page.get_by_role("combobox").fill(typed)
        assert options.all_inner_texts() == ["Why is the sky blue?\nhw"]


def test_a_search_starts_by_itself_and_only_for_what_is_typed_last(clocked):
    """It waits until the typing pauses; a late answer to other words is left out."""
    panel, page = PanelPage(clocked), clocked
    page.evaluate(
        """() => {
          model.waiting = [];
          model.kernel = ({ type, n, text }) => {
            if (type === 'search') model.waiting.push({ n, text });
            else model.custom({ type: 'result', n, value: { sessions: [] } });
          };
        }"""
    )
    page.get_by_role("button", name="Session").click()
    page.clock.pause_at("2026-05-06T11:00:00Z")
    box = page.get_by_role("combobox")
    for letters in ("n", "ne", "needle"):
        box.fill(letters)
        page.clock.run_for(100)
    assert panel.sent("search") == []
    page.clock.run_for(300)
    box.fill("needles")
    page.clock.run_for(300)
    assert [sent["text"] for sent in panel.sent("search")] == ["needle", "needles"]
    page.evaluate(
        """() => model.waiting.forEach(({ n, text }) => model.custom({ type: 'result', n, value:
          { found: [{ value: 's', message: 'm', label: text, snippet: 'some needles', group: 'In messages' }] } }))"""
    )
    page.locator(".lsnb-snippet").wait_for()
    assert page.get_by_role("option").all_inner_texts() == ["needles\nsome needles"]
    assert page.locator(".lsnb-snippet mark").all_inner_texts() == ["needles"]
