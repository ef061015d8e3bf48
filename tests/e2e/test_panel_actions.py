"""The panel's front end alone: what can be done with a message, a session, a model; by pointer and by keyboard."""

from __future__ import annotations

from tests.support.panel_page import INFO, PanelPage, item, transcript


def test_escape_in_a_list_or_dialog_does_not_stop_the_reply(blank):
    """There it closes what is open; the next one stops."""
    page = blank.page
    panel = PanelPage(page, {"busy": True})
    panel.answer()
    for name in ("Model: mock:echo", "More"):
        page.get_by_role("button", name=name).click()
        page.keyboard.press("Escape")
    page.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Options…").click()
    page.keyboard.press("Escape")
    assert page.locator("dialog, .lsnb-picker, .lsnb-menu").count() == 0
    assert panel.sent("stop") == []
    page.keyboard.press("Escape")
    assert len(panel.sent("stop")) == 1


def test_actions_of_a_reply(blank):
    """Regenerate, Branch, Hide and the raw text are at hand under the pointer, and name the message they mean."""
    page = blank.page
    panel = PanelPage(page, {"transcript": transcript(item(1, "q", "user"), item(2, "**a**"))})
    panel.answer("{ models: { models: [{ value: 'mock:slow', label: 'mock:slow' }] } }")
    page.locator("[data-id=m2]").hover()
    for name in ("Regenerate", "Branch here", "Hide from model"):
        page.get_by_role("button", name=name, exact=True).click()
    page.get_by_role("button", name="Regenerate with another model").click()
    page.get_by_role("option", name="mock:slow").click()
    assert panel.sent("regenerate") == [{"id": "m2"}, {"id": "m2", "model": "mock:slow"}]
    assert panel.sent("branch") == [{"id": "m2"}]
    assert panel.sent("hide") == [{"id": "m2", "hidden": True}]
    page.locator("[data-id=m2]").hover()
    page.get_by_role("button", name="Raw text").click()
    assert page.locator("[data-id=m2] .lsnb-raw").inner_text() == "**a**"


def test_the_toolbar_follows_the_pointer_after_a_click(blank):
    """A button that was clicked does not hold the toolbar at its message; one that the keys reached does."""
    page = blank.page
    PanelPage(page, {"transcript": transcript(item(1, "q", "user"), item(2, "a"))})
    first, second = page.locator("[data-id=m1]"), page.locator("[data-id=m2]")
    first.hover()
    first.get_by_role("button", name="Copy").click()
    second.hover()
    second.get_by_role("button", name="Copy").wait_for()
    page.keyboard.press("Tab")
    first.hover()
    assert second.get_by_role("toolbar").is_visible()


def test_edit_sends_a_new_version(blank):
    """Edit opens the text in place, Enter sends it as a version of that message, Escape leaves it as it was."""
    page = blank.page
    panel = PanelPage(page, {"transcript": transcript(item(1, "first", "user"))})
    panel.answer()
    for key in ("Escape", "Enter"):
        page.locator("[data-id=m1]").hover()
        page.get_by_role("button", name="Edit", exact=True).click()
        editor = page.get_by_role("textbox", name="Edit message")
        assert editor.input_value() == "first"
        editor.fill("better")
        editor.press(key)
        assert editor.count() == 0
    assert panel.sent("edit") == [{"id": "m1", "text": "better"}]


def test_versions_are_stepped_through(blank):
    """The arrows name the neighbours; at an end an arrow does nothing."""
    page = blank.page
    panel = PanelPage(page, {"transcript": transcript(item(1, "q", "user", version=[2, 2, "m0", None]))})
    assert page.locator(".lsnb-versions").inner_text().strip() == "2/2"
    assert page.get_by_role("button", name="Later version").is_disabled()
    page.get_by_role("button", name="Earlier version").click()
    assert panel.sent("version") == [{"id": "m0"}]


def test_copy_puts_the_source_on_the_clipboard(blank):
    """Copy gives the text as the model wrote it, Copy code the code alone."""
    page = blank.page
    text = "See:\n\n```python\nx = 1\n```\n"
    PanelPage(page, {"transcript": transcript(item(1, text))})
    page.locator("[data-id=m1]").hover()
    page.get_by_role("button", name="Copy", exact=True).click()
    assert page.evaluate("() => navigator.clipboard.readText()") == text
    page.locator(".lsnb-copy-code").click()
    assert page.evaluate("() => navigator.clipboard.readText()") == "x = 1\n"


def test_insert_as_cell_falls_back_to_the_clipboard(blank):
    """A front end that lets no widget insert cells gets the code on the clipboard, and the reader is told."""
    page = blank.page
    PanelPage(page, {"transcript": transcript(item(1, "```python\nx = 1\n```"))})
    page.locator("[data-id=m1]").hover()
    page.get_by_role("button", name="Insert as cell").click()
    page.get_by_text("paste it into a cell").wait_for()
    assert page.evaluate("() => navigator.clipboard.readText()") == "x = 1\n"


def test_sessions_are_filtered_by_typing(panel):
    """Typing narrows the list, Enter opens the first, and what was typed names a new session."""
    page = panel.page
    names = ["Plans for May", "Taxes", "Plans for June"]
    rows = ", ".join(f"{{ value: '{n}', label: '{name}' }}" for n, name in enumerate(names))
    panel.answer(f"{{ sessions: {{ sessions: [{rows}] }} }}")
    page.get_by_role("button", name="Session: a session").click()
    page.get_by_role("option", name="Taxes").wait_for()
    page.keyboard.type("plans ju")
    assert page.get_by_role("option").all_inner_texts() == ["Plans for June"]
    page.keyboard.press("Enter")
    assert panel.sent("open") == [{"id": "2"}]
    page.get_by_role("button", name="Session: a session").click()
    page.keyboard.type("fresh")
    page.get_by_role("button", name="New “fresh”").click()
    assert panel.sent("new") == [{"name": "fresh"}]


def test_a_model_can_be_typed(panel):
    """A model that is on no list is sent as typed."""
    page = panel.page
    panel.answer("{ models: { models: [{ value: 'mock:echo', label: 'mock:echo', current: true }] } }")
    page.get_by_role("button", name="Model: mock:echo").click()
    page.keyboard.type("openai:gpt-9")
    page.keyboard.press("Enter")
    assert panel.sent("model") == [{"model": "openai:gpt-9"}]


def test_rename_and_archive(panel):
    """Rename asks for a name, Archive archives; both are in the session's list."""
    page = panel.page
    panel.answer("{ sessions: { sessions: [] } }")
    page.get_by_role("button", name="Session: a session").click()
    page.get_by_role("button", name="Rename").click()
    page.get_by_role("textbox", name="Name").fill("better name")
    page.keyboard.press("Enter")
    assert panel.sent("rename") == [{"name": "better name"}]
    page.get_by_role("button", name="Session: a session").click()
    page.get_by_role("button", name="Archive").click()
    assert panel.sent("archive") == [{"archived": True}]


def test_the_menu_sets_system_prompt_and_options_and_exports(panel):
    """Everything else is in one menu."""
    page = panel.page
    panel.answer("{ export: { path: 'a.md' } }")
    for entry, label, value in [
        ("System prompt…", "System prompt", "Be brief."),
        ("Options…", "temperature", "0.2"),
    ]:
        page.get_by_role("button", name="More").click()
        page.get_by_role("menuitem", name=entry).click()
        page.get_by_role("textbox", name=label).fill(value)
        page.get_by_role("button", name="Set").click()
    page.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Export as md").click()
    page.get_by_text("Written to a.md").wait_for()
    assert panel.sent("system") == [{"text": "Be brief."}]
    assert panel.sent("options") == [{"values": {"temperature": "0.2", "max_tokens": ""}}]
    assert panel.sent("export") == [{"format": "md"}]


def test_keyboard_reaches_every_message_and_action(blank):
    """Up from the conversation goes from message to message, Tab into its actions, Left and Right along them."""
    page = blank.page
    panel = PanelPage(page, {"transcript": transcript(item(1, "q", "user"), item(2, "a"))})
    page.get_by_role("log").focus()
    page.keyboard.press("ArrowUp")
    assert page.evaluate("() => document.activeElement.dataset.id") == "m2"
    page.keyboard.press("ArrowUp")
    assert page.evaluate("() => document.activeElement.dataset.id") == "m1"
    page.keyboard.press("Tab")
    labels = []
    for _ in range(3):
        labels.append(page.evaluate("() => document.activeElement.getAttribute('aria-label')"))
        page.keyboard.press("ArrowRight")
    assert labels == ["Copy", "Edit", "Branch here"]
    assert panel.sent("edit") == []


def test_keys_typed_in_the_panel_stay_in_it(panel):
    """The front end's shortcuts, on the document, see no key of the panel."""
    page = panel.page
    page.evaluate(
        "() => { window.seen = []; document.addEventListener('keydown', (e) => seen.push(e.key)); }"
    )
    panel.box.press("Shift+Enter")
    panel.box.press("d")
    page.get_by_role("button", name="More").press("d")
    assert page.evaluate("() => seen") == []


def test_names_are_text(blank):
    """Session names, models, notes, errors and user text are shown as they are, whatever they hold."""
    page = blank.page
    bad = "<img src=x onerror='window.ran=1'>"
    info = {
        **INFO,
        "name": bad,
        "model": bad,
        "branch": bad,
        "branches": [bad, "b"],
        "last": bad,
        "total": bad,
    }
    messages = [item(1, bad, "user", note=bad), item(2, "x", status="error", error=bad, note=bad)]
    panel = PanelPage(page, {"info": info, "transcript": transcript(*messages), "problem": bad})
    panel.answer(f"{{ sessions: {{ sessions: [{{ value: '1', label: {bad!r}, hint: {bad!r} }}] }} }}")
    page.locator(".lsnb-chooser-session").click()
    page.get_by_role("option").first.wait_for()
    assert page.locator("#el img").count() == 0
    assert page.evaluate("() => window.ran") is None
    assert blank.watched.foreign == []
