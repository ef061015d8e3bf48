"""The panel's front end alone: writing, sending, streaming, and a kernel that is slow, silent or clumsy."""

from __future__ import annotations

import itertools

import pytest

from langswarm_nb.core.session import MessageRole, SessionMessage
from langswarm_nb.notebook.panel.live import LiveReply
from langswarm_nb.render import render_html
from tests.support.panel_page import STREAMING, PanelPage, delta, item, patch, transcript
from tests.support.waits import PATIENCE_MS


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


def test_ctrl_enter_sends_when_enter_does_not(blank):
    """With `enter_sends=False` Enter adds a line and Ctrl+Enter sends."""
    page = blank.page
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
    """Spaces and empty lines are not a message, and the button says so."""
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


def test_a_message_is_shown_before_the_kernel_has_it(panel):
    """What was sent is seen at once, and once: the kernel's copy takes its place."""
    panel.box.fill("hello")
    panel.box.press("Enter")
    panel.page.locator(".lsnb-pending").get_by_text("hello").wait_for()
    panel.custom(patch(item(1, "hello", "user"), rev=1, live=STREAMING))
    assert panel.page.locator(".lsnb-user").count() == 1
    assert panel.page.locator(".lsnb-pending").count() == 0


def test_text_is_rendered_while_it_streams(panel):
    """The open end is HTML that grows; what settles stays the node that it is; the end is one message."""
    panel.custom(patch(item(1, "q", "user"), rev=1, live=STREAMING))
    live, page = panel.page.locator(".lsnb-live"), panel.page
    panel.custom(delta(1, "A **bo", "<p>A <strong>bo</strong></p>\n"))
    assert live.locator("strong").inner_text() == "bo"
    page.evaluate("() => { document.querySelector('.lsnb-live strong').mark = 'kept'; }")
    first = "<p>A <strong>bold</strong> text.</p>\n"
    panel.custom(delta(2, "ld** text.\n\n", "ld</strong> text.</p>\n", keep=15, settled=len(first)))
    panel.custom(delta(3, "Next", "<p>Next</p>\n", keep=len(first), settled=len(first)))
    assert live.locator("p").all_inner_texts() == ["A bold text.", "Next"]
    done = {**item(9, ""), "streamed": {"length": 22, "keep": len(first), "rest": "<p>Next one</p>\n"}}
    panel.custom(patch(done, rev=2, keep=1))
    assert live.count() == 0
    answer = page.locator(".lsnb-assistant")
    assert answer.inner_text().split() == ["A", "bold", "text.", "Next", "one"]
    assert page.evaluate("() => document.querySelector('.lsnb-assistant strong').mark") == "kept"
    assert page.evaluate("() => model.get('transcript').messages[1].text") == "A **bold** text.\n\nNext"


def test_positions_count_as_javascript_does(panel):
    """HTML after an emoji fits: lengths are those of the page."""
    panel.custom(patch(rev=1, live=STREAMING))
    panel.custom(delta(1, "👩‍💻", "<p>👩‍💻</p>"))
    panel.custom(delta(2, " works", " works</p>", keep=8))
    assert panel.page.locator(".lsnb-live .lsnb-body").inner_text() == "👩‍💻 works"


REPLY = """Look at **this**:

1. `one` item
2. and a *second*

```python
x = 1
y = 2
```

| a | b |
|---|---|
| 1 | 2 |

> The end $x^2$ is here.
"""
CURSOR = """() => {
  const cursor = document.querySelector('.lsnb-live .lsnb-cursor').getBoundingClientRect();
  const range = document.createRange(), body = document.querySelector('.lsnb-live .lsnb-body');
  const walker = document.createTreeWalker(body, NodeFilter.SHOW_TEXT);
  let last = null;
  while (walker.nextNode()) {
    const { data, parentElement } = walker.currentNode;
    if (data.trim() && !parentElement.closest('button, .lsnb-lang')) last = walker.currentNode;
  }
  range.setStart(last, last.data.trimEnd().length - 1);
  range.setEnd(last, last.data.trimEnd().length);
  const end = range.getBoundingClientRect();
  return [Math.round(cursor.left - end.right), Math.round((cursor.top + cursor.bottom - end.top - end.bottom) / 2)];
}"""


def streamed(panel, text, size=3):
    """Send a reply as the kernel would, and look at the page after each piece."""
    live = LiveReply("m9")
    panel.custom(patch(rev=1, live=live.state))
    for end in range(size, len(text) + size, size):
        found = live.take(SessionMessage(role=MessageRole.ASSISTANT, content=text[:end]))
        if found is not None:
            panel.custom(found)
            yield live


def test_the_cursor_stands_at_the_end_of_the_last_line(panel):
    """In paragraphs, lists, code, tables and quotes, and not below them."""
    for live in streamed(panel, REPLY):
        if live.state["html"]:
            right, down = panel.page.evaluate(CURSOR)
            assert -1 <= right <= 12, live.state["html"][-80:]
            assert abs(down) <= 8, live.state["html"][-80:]


def test_nothing_flickers_while_a_reply_streams(panel):
    """The text only grows, the view never jumps back, and what is in the page at the end was made once."""
    page = panel.page
    page.evaluate(
        """() => {
          window.removed = [];
          const watch = new MutationObserver((changes) => changes.forEach(({ removedNodes }) =>
            removedNodes.forEach((node) => node.className !== 'lsnb-cursor' && removed.push(node.textContent))));
          watch.observe(document.querySelector('.lsnb-list'), { childList: true, subtree: true });
        }"""
    )
    live = page.locator(".lsnb-live")
    heights = [live.evaluate("(node) => node.offsetHeight") for _ in streamed(panel, REPLY, 1)]
    assert all(after >= before - 2 for before, after in itertools.pairwise(heights))
    html = render_html(REPLY)
    panel.custom(patch({**item(9, REPLY), "html": html}, rev=2))
    assert page.locator(".lsnb-assistant .lsnb-body").evaluate("(node) => node.offsetHeight") > 0
    lost = [text for text in page.evaluate("() => removed") if len(text) > 40 and "aria" not in text]
    assert len(lost) <= 1  # the frame of the live reply


def test_the_reader_keeps_selection_and_focus_in_what_is_written(panel):
    """Text that is selected stays so while more of its paragraph comes; code that has the focus keeps it."""
    page = panel.page
    panel.custom(patch(rev=1, live=STREAMING))
    code = '<pre dir="ltr"><code>x = 1\n</code></pre>\n'
    panel.custom(delta(1, "x", f"{code}<p>Some wo</p>", settled=0))
    page.locator(".lsnb-live pre").focus()
    page.evaluate("() => getSelection().selectAllChildren(document.querySelector('.lsnb-live p'))")
    panel.custom(delta(2, "x", "words more</p>", keep=len(f"{code}<p>Some "), settled=len(code)))
    assert page.evaluate("() => String(getSelection())").startswith("Some wo")
    assert page.locator(".lsnb-live pre").evaluate("(pre) => pre === document.activeElement")


def asks_for_all(panel: PanelPage) -> bool:
    """Tell whether the page said that it has missed something; its greeting, which says what it has, may come too."""
    return {"rev": -1} in panel.sent("hello")


def test_a_lost_delta_is_made_good(panel):
    """A gap garbles nothing: the text stands still, the page asks once for the whole, and goes on from there."""
    panel.custom(patch(rev=1, live=STREAMING))
    panel.custom(delta(1, "ab", "<p>ab</p>"))
    panel.custom(delta(3, "ef", "ef</p>", keep=7))
    panel.custom(delta(4, "gh", "gh</p>", keep=9))
    body = panel.page.locator(".lsnb-live .lsnb-body")
    assert body.inner_text() == "ab"
    assert asks_for_all(panel)
    whole = {**STREAMING, "number": 4, "text": "abcdefgh", "html": "<p>abcdefgh</p>"}
    panel.custom({"type": "snapshot", **transcript(rev=1, live=whole)})
    panel.custom(delta(5, "ij", "ij</p>", keep=11))
    assert body.inner_text() == "abcdefghij"


def test_what_is_there_already_is_not_added_again(panel):
    """A page that got the state may get deltas from before it; they change nothing."""
    live = {**STREAMING, "number": 2, "text": "One.\n\nTwo", "html": "<p>One.</p><p>Two</p>", "settled": 11}
    panel.custom(patch(rev=1, live=live))
    panel.custom(delta(1, "One.\n\n", "<p>One.</p>", settled=11))
    panel.custom(delta(2, "Two", "<p>Two</p>", keep=11, settled=11))
    panel.custom(delta(3, " and", " and</p>", keep=17, settled=11))
    assert panel.page.locator(".lsnb-live p").all_inner_texts() == ["One.", "Two and"]
    assert not asks_for_all(panel)


def test_an_end_that_does_not_fit_is_asked_for_whole(panel):
    """When the page has not streamed all of a reply, it gets the whole message instead."""
    panel.custom(patch(rev=1, live=STREAMING))
    panel.custom(delta(1, "ab", "<p>ab</p>"))
    done = {**item(9, ""), "streamed": {"length": 6, "keep": 0, "rest": "<p>abcdef</p>"}}
    panel.custom(patch(done, rev=2))
    assert asks_for_all(panel)
    panel.custom({"type": "snapshot", **transcript(item(9, "abcdef"), rev=2)})
    assert panel.page.locator(".lsnb-assistant").inner_text().strip() == "abcdef"


def test_a_lost_patch_is_asked_for(panel):
    """A patch that skips a number is not applied."""
    panel.custom(patch(item(1, "one", "user"), rev=1))
    panel.custom(patch(item(3, "three", "user"), rev=3, keep=1))
    assert panel.page.locator(".lsnb-message").count() == 1
    assert asks_for_all(panel)


def test_the_draft_survives_a_reload(blank):
    """What was typed and not sent is in the box of the next panel on the session, and gone once it was sent."""
    page = blank.page
    panel = PanelPage(page)
    panel.answer()
    panel.box.fill("half a thought")
    assert PanelPage(page).box.input_value() == "half a thought"
    panel = PanelPage(page)
    panel.answer()
    panel.box.press("Enter")
    assert PanelPage(page).box.input_value() == ""


def test_arrow_up_recalls_in_an_empty_box(blank):
    """Up goes back through one's own messages, Down forward again; a box with text of its own is left alone."""
    page = blank.page
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
    page.set_default_timeout(PATIENCE_MS)
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


AFTER_A_FRAME = """(log) => new Promise(
  (done) => requestAnimationFrame(() => requestAnimationFrame(() => done(log.scrollTop))))"""


def test_the_view_follows_the_end_only_when_the_reader_is_there(blank):
    """New text scrolls into view for who reads the end; who has scrolled up stays and is told."""
    page = blank.page
    messages = [item(n, f"message {n}\n\n" + "line  \n" * 5) for n in range(1, 9)]
    panel = PanelPage(page, {"transcript": transcript(*messages, rev=1)})
    log = page.get_by_role("log")
    above_bottom = "(log) => log.scrollHeight - log.scrollTop - log.clientHeight"
    at_bottom = f"{above_bottom} < 5"
    assert log.evaluate(at_bottom)
    panel.custom(patch(rev=2, keep=8, live=STREAMING))
    panel.custom(delta(1, "new", "<p>new</p>" * 20))
    assert log.evaluate(at_bottom)
    log.hover()
    page.mouse.wheel(0, -300)
    page.wait_for_function(f"() => ({above_bottom})(document.querySelector('.lsnb-log')) >= 300")
    before = log.evaluate(AFTER_A_FRAME)
    panel.custom(delta(2, "newer", "<p>newer</p>" * 20, keep=200))
    assert log.evaluate("(log) => log.scrollTop") == before
    page.get_by_role("button", name="New text").click()
    assert log.evaluate(at_bottom)


MATHJAX = """<script>
  // Typesets as MathJax does: some formulas at once, others frames later, and each changes its height, twice.
  const frame = () => new Promise(requestAnimationFrame);
  async function draw(node, n) {
    node.style.display = 'block';
    for (let wait = n % 4; wait > 0; wait--) await frame();
    node.style.height = `${120 + 40 * (n % 5)}px`;
    await frame();
    node.style.height = `${60 + 70 * (n % 3)}px`;
  }
  window.MathJax = { done: 0, typesetPromise: (nodes) =>
    Promise.all(nodes.map((node, n) => draw(node, n).then(() => { MathJax.done++; }))) };
</script>"""


def test_the_view_stays_at_the_end_while_formulas_are_typeset(blank):
    """Whatever their heights become and whenever; who scrolls up meanwhile stays there."""
    page = blank.page
    formulas = "\n\n".join(f"$$x_{{{n}}} = 1$$" for n in range(12))
    messages = [item(n, f"message {n}\n\n{formulas}") for n in range(1, 5)]
    panel = PanelPage(page, {"transcript": transcript(*messages, rev=1)}, head=MATHJAX)
    log = page.get_by_role("log")
    above_bottom = "(log) => log.scrollHeight - log.scrollTop - log.clientHeight"
    page.wait_for_function("() => MathJax.done === 48")
    log.evaluate(AFTER_A_FRAME)
    assert log.evaluate(above_bottom) < 5
    for n in range(5, 8):
        panel.custom(patch(item(n, f"message {n}\n\n{formulas}"), rev=n - 3, keep=n - 1))
        page.wait_for_function(f"() => MathJax.done === {12 * n}")
        log.evaluate(AFTER_A_FRAME)
        assert log.evaluate(above_bottom) < 5
    log.evaluate("(log) => { log.scrollTop -= 200; }")
    before = log.evaluate(AFTER_A_FRAME)
    panel.custom(patch(item(8, f"message 8\n\n{formulas}"), rev=5, keep=7))
    page.wait_for_function("() => MathJax.done === 96")
    assert log.evaluate(AFTER_A_FRAME) == before
    page.get_by_role("button", name="New text").click()
    assert log.evaluate(above_bottom) < 5


def test_the_end_of_a_reply_is_announced(panel):
    """Screen readers hear settled blocks and the end, not each piece; the log itself is silent."""
    page = panel.page
    status = page.locator(".lsnb-unseen[role=status]")
    panel.custom(patch(rev=1, live=STREAMING))
    panel.custom(delta(1, "Half a", "<p>Half a</p>"))
    assert status.inner_text() == ""
    panel.custom(delta(2, " block.\n\n", " block.</p>", keep=9, settled=20))
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


def test_two_thousand_messages_scroll(blank):
    """A long conversation is whole in the page, is scrolled from end to end, and a new message adds one node."""
    page = blank.page
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


def test_a_long_answer_streams_in_pieces(blank):
    """100 kB arrive block by block: what is settled is not touched again."""
    page = blank.page
    panel = PanelPage(page)
    panel.custom(patch(rev=1, live=STREAMING))
    block = "A paragraph of some words and `code`. " * 25 + "\n\n"
    html = item(0, block)["html"]
    page.evaluate(
        """([block, html]) => {
          let kept = 0;
          for (let number = 1; number <= 100; number += 1) {
            const delta = { type: 'delta', id: 'm9', number, text: block, thinking: '', keep: kept, html };
            kept += html.length;
            model.custom({ ...delta, settled: kept });
            if (number === 1) document.querySelector('.lsnb-live p').mark = 'kept';
          }
        }""",
        [block, html],
    )
    assert page.locator(".lsnb-live p").count() == 100
    assert page.evaluate("() => document.querySelector('.lsnb-live p').mark") == "kept"
    done = {**item(9, ""), "streamed": {"length": 100 * len(block), "keep": 100 * len(html), "rest": ""}}
    panel.custom(patch(done, rev=2))
    assert page.locator(".lsnb-assistant p").count() == 100
    assert page.evaluate("() => document.querySelector('.lsnb-assistant p').mark") == "kept"
    assert len(page.evaluate("() => model.get('transcript').messages[0].text")) == 100 * len(block)
