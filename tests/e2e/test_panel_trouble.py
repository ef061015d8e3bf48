"""The panel's front end alone: refusals, failures and dead kernels lose nothing that a reader wrote."""

from __future__ import annotations

import pytest

from tests.support.panel_page import INFO, STREAMING, PanelPage, item, transcript

REFUSE = """() => {
  model.kernel = ({ type, n }) => type !== 'hello' && model.custom({ type: 'result', n, error: 'The disk is full.' });
}"""
# What JupyterLab's widget manager does when a kernel ends.
END_KERNEL = """() => {
  model.widget_manager = { get_model: async () => ({ comm_live: false }) };
  model.emit('comm_live_update');
}"""


def test_a_question_without_a_reply_can_be_asked_again(blank):
    """Where no reply is stored, Retry answers the question; nothing is offered while one arrives or is hidden."""
    page = blank.page
    panel = PanelPage(page, {"transcript": transcript(item(1, "why?", "user"))})
    panel.answer()
    retry = page.get_by_role("button", name="Retry")
    retry.click()
    assert panel.sent("regenerate") == [{"id": "m1"}]
    panel.set(busy=True)
    assert retry.count() == 0
    panel.set(busy=False, transcript=transcript(item(1, "why?", "user"), rev=2, live=STREAMING))
    assert retry.count() == 0
    panel.set(transcript=transcript(item(1, "why?", "user", hidden=True), rev=3))
    assert retry.count() == 0
    panel.set(transcript=transcript(item(1, "why?", "user"), item(2, "so"), rev=4))
    assert retry.count() == 0


def test_an_error_stays_until_it_is_dismissed_or_settled(blank):
    """What went wrong is an alert that no clock takes away; the kernel can take it back, and the reader."""
    panel = PanelPage(blank.page)
    alert = blank.page.get_by_role("alert")
    for text in ("The disk is full.", "", "The disk is full."):
        panel.set(problem=text)
        assert alert.count() == bool(text)
    blank.page.get_by_role("button", name="Dismiss").click()
    assert alert.count() == 0


def test_a_refused_edit_stays_open(blank):
    """When the kernel refuses an edit, the new text is still in the editor, and can be sent again."""
    page = blank.page
    panel = PanelPage(page, {"transcript": transcript(item(1, "first", "user"))})
    page.evaluate(REFUSE)
    page.locator("[data-id=m1]").hover()
    page.get_by_role("button", name="Edit", exact=True).click()
    editor = page.get_by_role("textbox", name="Edit message")
    editor.fill("much better")
    editor.press("Enter")
    page.get_by_role("alert").filter(has_text="The disk is full.").wait_for()
    assert editor.input_value() == "much better"
    panel.answer()
    editor.press("Enter")
    assert [sent["text"] for sent in panel.sent("edit")] == ["much better", "much better"]
    assert editor.count() == 0


def test_each_session_has_its_own_draft(blank):
    """Another session shows its own draft; back in the first, the first draft is there, after a reload too."""
    page = blank.page
    panel = PanelPage(page)
    panel.box.fill("for the first")
    panel.set(info={**INFO, "sessionId": "s2"})
    assert panel.box.input_value() == ""
    panel.box.fill("for the second")
    assert PanelPage(page).box.input_value() == "for the first"
    assert PanelPage(page, {"info": {**INFO, "sessionId": "s2"}}).box.input_value() == "for the second"


def test_sending_in_one_panel_keeps_the_draft_of_another(blank):
    """Two panels on a session may both have a draft; what one sends is not the other's."""
    page = blank.page
    sender = PanelPage(page)
    sender.answer()
    page.evaluate("() => sessionStorage.setItem('lsnb-draft-s1', 'from the other panel')")
    sender.box.fill("x")
    page.evaluate("() => sessionStorage.setItem('lsnb-draft-s1', 'from the other panel')")
    sender.box.press("Enter")
    assert PanelPage(page).box.input_value() == "from the other panel"


def test_the_editor_sends_with_the_same_key_as_the_box(blank):
    """With `enter_sends=False` Enter breaks the line in an edited message too."""
    page = blank.page
    panel = PanelPage(page, {"enter_sends": False, "transcript": transcript(item(1, "first", "user"))})
    panel.answer()
    page.locator("[data-id=m1]").hover()
    page.get_by_role("button", name="Edit", exact=True).click()
    editor = page.get_by_role("textbox", name="Edit message")
    editor.press("Enter")
    assert editor.input_value() == "first\n"
    editor.press("Control+Enter")
    assert panel.sent("edit") == [{"id": "m1", "text": "first\n"}]


def test_the_last_enter_of_an_input_method_in_safari_sends_nothing(panel):
    """Safari ends the composition before the key, which then has the code 229."""
    panel.box.fill("日本")
    panel.box.evaluate(
        """(box) => box.dispatchEvent(
          new KeyboardEvent('keydown', { key: 'Enter', keyCode: 229, bubbles: true, cancelable: true }))"""
    )
    assert panel.sent("send") == []


@pytest.mark.parametrize("when", ["waiting", "later"])
def test_a_dead_kernel_gives_the_text_back(blank, when):
    """A panel whose kernel ends says so; a message on its way, or sent afterwards, is in the box again."""
    page = blank.page
    panel = PanelPage(page)
    if when == "later":
        page.evaluate(END_KERNEL)
    panel.box.fill("anybody there?")
    panel.box.press("Enter")
    if when == "waiting":
        page.evaluate(END_KERNEL)
    page.get_by_text("run the cell of this panel again").wait_for()
    assert panel.box.input_value() == "anybody there?"
    assert page.locator(".lsnb-pending").count() == 0
    assert page.get_by_role("button", name="Send").is_enabled()


def test_a_reply_that_a_dead_kernel_left_is_shown_as_cut(blank):
    """What had arrived stays in view, marked, and nothing pretends that more will come."""
    page = blank.page
    live = {**STREAMING, "text": "Half of", "html": "<p>Half of</p>"}
    PanelPage(page, {"busy": True, "transcript": transcript(item(1, "why?", "user"), live=live)})
    page.evaluate(END_KERNEL)
    reply = page.locator(".lsnb-live")
    reply.filter(has_text="cut off").wait_for()
    assert "Half of" in reply.inner_text()
    assert page.locator(".lsnb-cursor").count() == 0
    assert reply.get_attribute("aria-busy") == "false"
    assert page.get_by_role("button", name="Stop").count() == 0
