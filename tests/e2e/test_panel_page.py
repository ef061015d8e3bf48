"""The panel's front end alone: what is sent, what is shown, and what a hostile or clumsy kernel cannot do."""

from __future__ import annotations

import pytest

from tests.support.panel_page import INFO, PanelPage, item

STREAMING = {"id": "m9", "text": "", "thinking": "", "blocks": [], "settled": 0, "foreign": False, "note": ""}


ORIGIN = "http://localhost/"


@pytest.fixture
def page(used_page):
    """Return the page of all these tests; it is empty and remembers nothing."""
    page, watched = used_page
    page.route(ORIGIN, lambda route: route.fulfill(body="<title>Panel</title>", content_type="text/html"))
    page.goto(ORIGIN)  # an address of its own gives a page storage and a clipboard
    page.evaluate("() => sessionStorage.clear()")
    watched.foreign.clear()
    watched.errors.clear()
    return page


@pytest.fixture
def watched(used_page):
    """Return what went on in the page during the test."""
    return used_page[1]


@pytest.fixture
def panel(page):
    """Return an empty panel."""
    return PanelPage(page)


def transcript(*messages, rev=1, earlier=0, live=None):
    return {"rev": rev, "earlier": earlier, "messages": list(messages), "live": live}


def patch(*messages, rev, keep=0, live=None):
    return {
        "type": "patch",
        "rev": rev,
        "earlier": 0,
        "keep": keep,
        "tail": [message["id"] for message in messages],
        "items": list(messages),
        "live": live,
    }


def delta(pos, text, *blocks, settled=0, blocks_before=0):
    return {
        "type": "delta",
        "id": "m9",
        "pos": pos,
        "text": text,
        "thinking": "",
        "thinkingPos": 0,
        "blocks": list(blocks),
        "blocksPos": blocks_before,
        "settled": settled,
    }


def test_enter_sends_and_shift_enter_does_not(panel):
    """Enter sends the text once and empties the box, which keeps the focus; Shift+Enter adds a line."""
    panel.answer()
    panel.box.fill("one")
    panel.box.press("Shift+Enter")
    panel.box.type("two")
    assert panel.sent("send") == []
    panel.box.press("Enter")
    assert [sent["text"] for sent in panel.sent("send")] == ["one\ntwo"]
    assert panel.box.input_value() == ""
    assert panel.box.evaluate("(box) => box === document.activeElement")


def test_ctrl_enter_sends_when_enter_does_not(page):
    """With `enter_sends=False` Enter adds a line and Ctrl+Enter sends."""
    panel = PanelPage(page, {"enter_sends": False})
    panel.box.fill("one")
    panel.box.press("Enter")
    panel.box.type("two")
    assert panel.sent("send") == []
    panel.box.press("Control+Enter")
    assert [sent["text"] for sent in panel.sent("send")] == ["one\ntwo"]


def test_enter_while_composing_does_not_send(panel):
    """Enter that ends the input of a Japanese word belongs to the input method."""
    panel.box.fill("にほん")
    panel.box.evaluate(
        """(box) => box.dispatchEvent(
          new KeyboardEvent('keydown', { key: 'Enter', isComposing: true, bubbles: true, cancelable: true }))"""
    )
    assert panel.sent("send") == []
    panel.box.press("Enter")
    assert len(panel.sent("send")) == 1


def test_blank_text_is_not_sent(panel):
    """Spaces and empty lines are no message, and the button says so."""
    panel.box.fill(" \n ")
    panel.box.press("Enter")
    assert panel.sent("send") == []
    assert panel.page.get_by_role("button", name="Send").is_disabled()


def test_a_double_click_sends_once_and_does_not_stop(panel):
    """The second half of a double click on Send is not a click on Stop."""
    panel.box.fill("hello")
    panel.page.get_by_role("button", name="Send").dblclick()
    assert len(panel.sent("send")) == 1
    assert panel.sent("stop") == []


def test_stop_is_there_before_the_first_token(panel):
    """From the click on, the one button is Stop; Escape does the same, once."""
    panel.box.fill("hello")
    panel.box.press("Enter")
    panel.page.get_by_role("button", name="Stop").wait_for()
    panel.set(busy=True)
    panel.box.press("Escape")
    panel.box.press("Escape")
    assert len(panel.sent("stop")) == 1


def test_escape_in_a_list_or_dialog_does_not_stop_the_reply(page):
    """There it closes what is open; the next one stops."""
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


def test_a_message_is_shown_before_the_kernel_has_it(panel):
    """What was sent is seen at once, and once: the kernel's copy takes its place."""
    panel.box.fill("hello")
    panel.box.press("Enter")
    panel.page.locator(".lsnb-pending").get_by_text("hello").wait_for()
    panel.custom(patch(item(1, "hello", "user"), rev=1, live=STREAMING))
    assert panel.page.locator(".lsnb-user").count() == 1
    assert panel.page.locator(".lsnb-pending").count() == 0


def test_text_streams_and_settles(panel):
    """Deltas are appended as text; a settled block takes the place of its source; the end is one message."""
    panel.custom(patch(item(1, "q", "user"), rev=1, live=STREAMING))
    live = panel.page.locator(".lsnb-live")
    panel.custom(delta(0, "A **b"))
    assert live.locator(".lsnb-tail").inner_text() == "A **b"
    panel.custom(delta(5, "old** text.\n\nNext", "<p>A <strong>bold</strong> text.</p>", settled=18))
    assert live.locator("strong").inner_text() == "bold"
    assert live.locator(".lsnb-tail").inner_text() == "Next"
    done = {**item(9, ""), "streamed": {"length": 22, "blocks": 1, "rest": "<p>Next</p>"}}
    panel.custom(patch(done, rev=2, keep=1))
    assert live.count() == 0
    answer = panel.page.locator(".lsnb-assistant")
    assert answer.inner_text().split() == ["A", "bold", "text.", "Next"]
    assert panel.page.evaluate("() => model.get('transcript').messages[1].text") == "A **bold** text.\n\nNext"


def test_positions_count_as_javascript_does(panel):
    """A delta after an emoji fits: lengths are those of the page."""
    panel.custom(patch(rev=1, live=STREAMING))
    panel.custom(delta(0, "👩‍💻"))
    panel.custom(delta(5, " works"))
    assert panel.page.locator(".lsnb-tail").inner_text() == "👩‍💻 works"


def test_a_lost_delta_is_made_good(panel):
    """A gap garbles nothing: the text stands still, the page asks once for the whole, and goes on from there."""
    panel.custom(patch(rev=1, live=STREAMING))
    panel.custom(delta(0, "ab"))
    panel.custom(delta(4, "ef"))
    panel.custom(delta(6, "gh"))
    tail = panel.page.locator(".lsnb-tail")
    assert tail.inner_text() == "ab"
    assert panel.sent("hello") == [{"rev": -1}]
    panel.custom({"type": "snapshot", **transcript(rev=1, live={**STREAMING, "text": "abcdefgh"})})
    panel.custom(delta(8, "ij"))
    assert tail.inner_text() == "abcdefghij"


def test_what_is_there_already_is_not_added_again(panel):
    """A page that got the state may get deltas from before it; they change nothing."""
    live = {**STREAMING, "text": "One.\n\nTwo", "blocks": ["<p>One.</p>"], "settled": 6}
    panel.custom(patch(rev=1, live=live))
    panel.custom(delta(0, "One.\n\n", "<p>One.</p>", settled=6))
    panel.custom(delta(6, "Two and", blocks_before=1, settled=6))
    assert panel.page.locator(".lsnb-live p").count() == 1
    assert panel.page.locator(".lsnb-tail").inner_text() == "Two and"
    assert panel.sent("hello") == []


def test_an_end_that_does_not_fit_is_asked_for_whole(panel):
    """When the page has not streamed all of a reply, it gets the whole message instead."""
    panel.custom(patch(rev=1, live=STREAMING))
    panel.custom(delta(0, "ab"))
    done = {**item(9, ""), "streamed": {"length": 6, "blocks": 0, "rest": "<p>abcdef</p>"}}
    panel.custom(patch(done, rev=2))
    assert panel.sent("hello") == [{"rev": -1}]
    panel.custom({"type": "snapshot", **transcript(item(9, "abcdef"), rev=2)})
    assert panel.page.locator(".lsnb-assistant").inner_text().strip() == "abcdef"


def test_a_lost_patch_is_asked_for(panel):
    """A patch that skips a number is not applied."""
    panel.custom(patch(item(1, "one", "user"), rev=1))
    panel.custom(patch(item(3, "three", "user"), rev=3, keep=1))
    assert panel.page.locator(".lsnb-message").count() == 1
    assert panel.sent("hello")[-1]["rev"] == -1


def test_the_draft_survives_a_reload(page):
    """What was typed and not sent is in the box of the next panel on the session, and gone once it was sent."""
    panel = PanelPage(page)
    panel.answer()
    panel.box.fill("half a thought")
    assert PanelPage(page).box.input_value() == "half a thought"
    panel = PanelPage(page)
    panel.answer()
    panel.box.press("Enter")
    assert PanelPage(page).box.input_value() == ""


def test_arrow_up_recalls_in_an_empty_box(page):
    """Up goes back through one's own messages, Down forward again; a box with text of its own is left alone."""
    panel = PanelPage(
        page, {"transcript": transcript(item(1, "first", "user"), item(2, "x"), item(3, "second", "user"))}
    )
    for key, text in [
        ("ArrowUp", "second"),
        ("ArrowUp", "first"),
        ("ArrowDown", "second"),
        ("ArrowDown", ""),
    ]:
        panel.box.press(key)
        assert panel.box.input_value() == text
    panel.box.fill("mine")
    panel.box.press("ArrowUp")
    assert panel.box.input_value() == "mine"


def test_the_box_grows_to_eight_lines(panel):
    """The box grows with its text, and scrolls from the ninth line on."""
    heights = []
    for lines in (1, 4, 8, 30):
        panel.box.fill("\n".join("x" * lines))
        heights.append(panel.box.evaluate("(box) => box.offsetHeight"))
    assert heights[0] < heights[1] < heights[2]
    assert heights[3] <= heights[2] + 2


@pytest.fixture
def clocked(browser):
    """Return a panel on a page whose clock the test turns."""
    page = browser.new_page()
    page.clock.install()
    yield PanelPage(page)
    page.context.close()


def test_a_silent_kernel_gives_the_text_back(clocked):
    """Without an answer the panel first says that the kernel is busy, then gives the text back and says what to do."""
    page, panel = clocked.page, clocked
    panel.box.fill("are you there?")
    panel.box.press("Enter")
    page.clock.run_for(1100)
    page.get_by_text("The kernel is busy").wait_for()
    page.clock.run_for(2000)
    page.get_by_text("run the cell of this panel again").wait_for()
    assert panel.box.input_value() == "are you there?"
    assert page.locator(".lsnb-pending").count() == 0


def test_a_kernel_that_is_busy_before_anything_was_asked_is_no_news(clocked):
    """The greeting that the panel sends by itself may wait without a word."""
    clocked.page.clock.run_for(5000)
    assert [sent["rev"] for sent in clocked.sent("hello")] == [0]
    assert clocked.page.get_by_text("The kernel").count() == 0


def test_a_message_that_arrived_late_is_not_sent_twice(clocked):
    """Sending a text again after a silence uses the same key, and a late answer empties the box."""
    page, panel = clocked.page, clocked
    panel.box.fill("slow")
    panel.box.press("Enter")
    page.clock.run_for(3100)
    panel.box.press("Enter")
    keys = [sent["key"] for sent in panel.sent("send")]
    assert len(keys) == 2
    assert keys[0] == keys[1]
    page.clock.run_for(3100)
    for number in (0, 1):
        n = page.evaluate("(at) => model.sent.filter(({ type }) => type === 'send')[at].n", number)
        panel.custom({"type": "ack", "n": n})
        panel.custom({"type": "result", "n": n})
    assert panel.box.input_value() == ""
    assert page.get_by_text("The kernel").count() == 0


def test_a_refusal_gives_the_text_back_and_says_why(panel):
    """An error of the kernel is shown, and the text is in the box again."""
    panel.page.evaluate(
        """() => {
          const refusal = { type: 'result', error: 'No <b>key</b>.' };
          model.kernel = ({ type, n }) => type === 'send' && model.custom({ ...refusal, n });
        }"""
    )
    panel.box.fill("hello")
    panel.box.press("Enter")
    panel.page.get_by_text("No <b>key</b>.").wait_for()
    assert panel.box.input_value() == "hello"


def test_actions_of_a_reply(page):
    """Regenerate, Branch, Hide and the raw text are at hand under the pointer, and name the message they mean."""
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


def test_edit_sends_a_new_version(page):
    """Edit opens the text in place, Enter sends it as a version of that message, Escape leaves it as it was."""
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


def test_versions_are_stepped_through(page):
    """The arrows name the neighbours; at an end an arrow does nothing."""
    panel = PanelPage(page, {"transcript": transcript(item(1, "q", "user", version=[2, 2, "m0", None]))})
    assert page.locator(".lsnb-versions").inner_text().strip() == "2/2"
    assert page.get_by_role("button", name="Later version").is_disabled()
    page.get_by_role("button", name="Earlier version").click()
    assert panel.sent("version") == [{"id": "m0"}]


def test_copy_puts_the_source_on_the_clipboard(page):
    """Copy gives the text as the model wrote it, Copy code the code alone."""
    text = "See:\n\n```python\nx = 1\n```\n"
    PanelPage(page, {"transcript": transcript(item(1, text))})
    page.locator("[data-id=m1]").hover()
    page.get_by_role("button", name="Copy", exact=True).click()
    assert page.evaluate("() => navigator.clipboard.readText()") == text
    page.locator(".lsnb-copy-code").click()
    assert page.evaluate("() => navigator.clipboard.readText()") == "x = 1\n"


def test_insert_as_cell_falls_back_to_the_clipboard(page):
    """A front end that lets no widget insert cells gets the code on the clipboard, and the reader is told."""
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


def test_the_view_follows_the_end_only_when_the_reader_is_there(page):
    """New text scrolls into view for who reads the end; who has scrolled up stays and is told."""
    messages = [item(n, f"message {n}\n\n" + "line  \n" * 5) for n in range(1, 9)]
    panel = PanelPage(page, {"transcript": transcript(*messages, rev=1)})
    log = page.get_by_role("log")
    at_bottom = "(log) => log.scrollHeight - log.scrollTop - log.clientHeight < 5"
    assert log.evaluate(at_bottom)
    panel.custom(patch(rev=2, keep=8, live=STREAMING))
    panel.custom(delta(0, "new\n" * 20))
    assert log.evaluate(at_bottom)
    log.hover()
    page.mouse.wheel(0, -300)
    page.wait_for_function("() => document.querySelector('.lsnb-log').scrollTop < 1e9")
    before = log.evaluate(
        "(log) => new Promise((done) => requestAnimationFrame(() => setTimeout(() => done(log.scrollTop), 100)))"
    )
    panel.custom(delta(80, "newer\n" * 20))
    assert log.evaluate("(log) => log.scrollTop") == before
    page.get_by_role("button", name="New text").click()
    assert log.evaluate(at_bottom)


def test_keyboard_reaches_every_message_and_action(page):
    """Up from the conversation goes from message to message, Tab into its actions, Left and Right along them."""
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


def test_the_end_of_a_reply_is_announced(panel):
    """Screen readers hear settled blocks and the end, not each piece; the log itself is silent."""
    page = panel.page
    status = page.locator(".lsnb-unseen[role=status]")
    panel.custom(patch(rev=1, live=STREAMING))
    panel.custom(delta(0, "Half a"))
    assert status.inner_text() == ""
    panel.custom(delta(6, " block.\n\n", "<p>Half a block.</p>", settled=15))
    assert status.inner_text() == "Half a block."
    panel.custom(patch(item(9, "Half a block."), rev=2))
    assert status.inner_text() == "Answer complete."
    assert page.get_by_role("log").get_attribute("aria-live") == "off"


def test_cleanup_leaves_nothing_behind(panel):
    """A view that is taken away removes its elements and stops listening."""
    page = panel.page
    page.evaluate("() => { cleanup(); forget(); }")
    assert page.locator(".lsnb-panel").count() == 0
    left = page.evaluate("() => Object.values(model.handlers).flat().length")
    assert left == 0


def test_names_are_text(page, watched):
    """Session names, models, notes, errors and user text are shown as they are, whatever they hold."""
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
    assert watched.foreign == []


def test_two_thousand_messages_scroll(page):
    """A long conversation is whole in the page, is scrolled from end to end, and a new message adds one node."""
    messages = [
        item(n, f"Message **{n}**\n\n" + "words " * 40, ["user", "assistant"][n % 2]) for n in range(2000)
    ]
    panel = PanelPage(page, {"transcript": transcript(*messages)})
    log = page.get_by_role("log")
    assert page.locator(".lsnb-message").count() == 2000
    page.evaluate("() => { document.querySelector('[data-id=m1000]').mark = 'kept'; }")
    for share in (0, 0.25, 0.5, 0.75, 1):
        log.evaluate("(log, share) => { log.scrollTop = share * log.scrollHeight; }", share)
        middle = log.evaluate(
            """(log) => {
              const box = log.getBoundingClientRect();
              const at = document.elementFromPoint(box.left + 60, box.top + box.height / 2);
              return at.closest('.lsnb-message')?.dataset.id ?? at.className;
            }"""
        )
        assert middle
    panel.custom(patch(item(2000, "one more", "user"), rev=2, keep=2000))
    assert page.locator(".lsnb-message").count() == 2001
    assert page.evaluate("() => document.querySelector('[data-id=m1000]').mark") == "kept"


def test_a_long_answer_streams_in_pieces(page):
    """100 kB arrive block by block: what is settled is not touched again."""
    panel = PanelPage(page)
    panel.custom(patch(rev=1, live=STREAMING))
    block = "A paragraph of some words and `code`. " * 25 + "\n\n"
    html = item(0, block)["html"]
    page.evaluate(
        """([block, html]) => {
          let pos = 0;
          for (let n = 0; n < 100; n += 1) {
            const delta = { type: 'delta', id: 'm9', pos, text: block, thinking: '', thinkingPos: 0 };
            pos += block.length;
            model.custom({ ...delta, blocks: [html], blocksPos: n, settled: pos });
            if (n === 0) document.querySelector('.lsnb-live p').mark = 'kept';
          }
        }""",
        [block, html],
    )
    assert page.locator(".lsnb-live p").count() == 100
    assert page.evaluate("() => document.querySelector('.lsnb-live p').mark") == "kept"
    done = {**item(9, ""), "streamed": {"length": 100 * len(block), "blocks": 100, "rest": ""}}
    panel.custom(patch(done, rev=2))
    assert page.locator(".lsnb-assistant p").count() == 100
    assert len(page.evaluate("() => model.get('transcript').messages[0].text")) == 100 * len(block)
