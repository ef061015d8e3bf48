"""Hostile output in the panel: nothing runs, nothing is fetched, nothing leaves its box, whole or half arrived."""

from __future__ import annotations

import json

from langswarm_nb.core.session import MessageRole, SessionMessage
from langswarm_nb.notebook.panel.live import LiveReply
from tests.support.hostile import EVIL, MARKUP, PWN, TEXTS
from tests.support.panel_page import INFO, STREAMING, PanelPage, delta, item, transcript

# What could harm, wherever it is in the page below the panel.
_HARMFUL = """(root) => {
  const bad = [];
  for (const node of root.querySelectorAll('*')) {
    const tag = node.localName;
    if (/^(script|iframe|frame|object|embed|link|meta|base|form|video|audio|img|image|picture|use|math)$/.test(tag)) {
      bad.push(tag);
    }
    for (const { name, value } of node.attributes) {
      if (/^(on.*|srcset|src|poster|background|ping|action|formaction)$/.test(name)) bad.push(`${tag} ${name}`);
      if (/href/.test(name) && !/^(https?:|mailto:)/.test(value)) bad.push(`${tag} ${name}=${value}`);
      if (name === 'style' && !node.matches('.lsnb-panel, .lsnb-box')) bad.push(`${tag} style`);
    }
  }
  return bad;
}"""
_ESCAPED = """() => {
  const panel = document.querySelector('.lsnb-panel'), log = panel.querySelector('.lsnb-log');
  const outer = log.getBoundingClientRect(), bad = [];
  for (const node of log.querySelectorAll('.lsnb-message')) {
    const box = node.getBoundingClientRect();
    if (box.left < outer.left - 1 || box.right > outer.right + 1) bad.push(`${node.dataset.id} is wider than its box`);
    for (const inner of node.querySelectorAll('*')) {
      const style = getComputedStyle(inner);
      if (style.position === 'fixed' || style.position === 'sticky') bad.push(`${inner.localName} ${style.position}`);
    }
  }
  if (document.querySelectorAll('.lsnb-panel').length !== 1) bad.push('a second panel');
  if (log.scrollWidth > log.clientWidth + 1) bad.push('the conversation scrolls sideways');
  return bad;
}"""


_HARMFUL_IN_LISTS = _HARMFUL.replace(".lsnb-panel, .lsnb-box", ".lsnb-picker")


def assert_harmless(page, watched):
    assert page.evaluate("() => window.pwned") is None
    assert page.locator(".lsnb-panel").evaluate(_HARMFUL) == []
    assert page.evaluate(_ESCAPED) == []
    assert watched.foreign == []
    assert watched.errors == []


def test_a_request_to_another_machine_is_seen_and_refused(page, watched):
    """By name or by number: what these tests find to be empty would hold it."""
    addresses = [f"{EVIL}/name", "http://192.0.2.1/number"]
    ways = page.evaluate(
        """async (addresses) => {
          const all = addresses.map((address) => fetch(address, { mode: 'no-cors' }));
          return (await Promise.allSettled(all)).map(({ status }) => status);
        }""",
        addresses,
    )
    assert ways == ["rejected", "rejected"]
    assert watched.foreign == addresses


def test_rendered_replies(blank):
    """Each hostile text as a reply, as thinking, as a question, raw, and in every name."""
    page, watched = blank.page, blank.watched
    messages = []
    for number, text in enumerate(TEXTS.values()):
        html = item(0, text)["html"]
        messages += [
            item(2 * number, text, "user", note=text[:200]),
            item(2 * number + 1, text, thinking=html, note=text[:200], status="error", error=text[:500]),
        ]
    bad = MARKUP["handler"] + MARKUP["closing tags"]
    info = {
        **INFO,
        "name": bad,
        "title": bad,
        "archived": True,
        "budget": {"text": bad, "share": 0.5},
        "model": bad,
        "branch": bad,
        "branches": [bad, "x"],
        "last": bad,
        "total": bad,
    }
    PanelPage(page, {"transcript": transcript(*messages), "info": info, "problem": bad})
    for summary in page.locator(".lsnb-panel summary").all()[:3]:
        summary.click()
    page.wait_for_load_state("networkidle")
    assert_harmless(page, watched)
    for link in page.locator(".lsnb-panel a").all():
        assert link.get_attribute("rel") == "noopener noreferrer nofollow"
        assert link.get_attribute("target") == "_blank"
    assert (
        page.get_by_text("outside").locator("xpath=ancestor::section[contains(@class, 'lsnb-panel')]").count()
        > 0
    )


def test_every_prefix_while_it_streams(blank):
    """Half of a hostile text does no more than the whole: it is cut every few characters, as it would arrive."""
    page, watched = blank.page, blank.watched
    panel = PanelPage(page)
    for number, text in enumerate(TEXTS.values()):
        live = LiveReply(f"m{number}")
        state = live.state
        panel.custom(
            {
                "type": "patch",
                "rev": number + 1,
                "earlier": 0,
                "keep": 0,
                "tail": [],
                "items": [],
                "live": state,
            }
        )
        steps = [live.take(_reply(text[:end])) for end in range(7, len(text) + 7, max(7, len(text) // 40))]
        deltas = [step for step in steps if step]
        page.evaluate("(deltas) => deltas.forEach((delta) => model.custom(delta))", deltas)
        assert page.evaluate("() => window.pwned") is None
        assert page.locator(".lsnb-panel").evaluate(_HARMFUL) == []
    page.wait_for_load_state("networkidle")
    assert_harmless(page, watched)


def test_what_lists_and_searches_offer(blank):
    """Each hostile text as name, title, facts and snippet of a choice, in an empty conversation, and as a notice."""
    page, watched = blank.page, blank.watched
    bad = MARKUP["handler"] + MARKUP["closing tags"] + MARKUP["inline style"]
    panel = PanelPage(page, {"info": {**INFO, "model": bad, "archived": True}})
    choices = [
        {
            "value": f"v{n}",
            "label": text,
            "name": text,
            "hint": text,
            "group": text[:40],
            "snippet": text,
            "message": "m",
        }
        for n, text in enumerate(TEXTS.values())
    ]
    told = {"shown": False, "version": True, "told": bad}
    panel.answer(json.dumps({"sessions": {"sessions": choices}, "search": {"found": choices}, "find": told}))
    page.get_by_role("button", name="Session").click()
    box = page.get_by_role("combobox")
    page.get_by_role("option").nth(len(choices) - 1).wait_for()
    box.fill("img.*(src|[x")  # a pattern is text here
    page.get_by_text("No matches.").wait_for(state="detached")
    box.fill("img src")
    page.locator(".lsnb-snippet mark").first.wait_for()
    page.wait_for_load_state("networkidle")
    assert page.locator(".lsnb-picker").evaluate(_HARMFUL_IN_LISTS) == []
    page.get_by_role("option").first.click()
    page.get_by_role("button", name="Go there").wait_for()
    assert_harmless(page, watched)


def _reply(text):
    return SessionMessage(role=MessageRole.ASSISTANT, content=text)


def test_a_state_that_was_tampered_with(blank):
    """HTML that is not from the renderer, as in a notebook file that somebody changed, does no harm either."""
    page, watched = blank.page, blank.watched
    messages = [item(n, "x", html=html, thinking=html) for n, html in enumerate(MARKUP.values())]
    mutated = [
        "<p id=a name=b class='lsnb-panel' data-x=1 style='position:fixed'>x</p>",
        f"<a href='javascript:{PWN}' target=_top ping={EVIL}>x</a>",
        f"<form><math><mtext></form><form><mglyph><style></math><img src onerror={PWN}>",
        f'<svg></p><style><a id="</style><img src=1 onerror={PWN}>">',
        f"<table background={EVIL}/t><td background={EVIL}/d>x",
        f"<p dir='rtl' class='lsnb-code' onclick={PWN}>x",
    ]
    messages += [item(100 + n, "x", html=html, thinking=html) for n, html in enumerate(mutated)]
    settled = "".join(MARKUP.values())
    live = {**STREAMING, "text": "x", "html": settled + "".join(mutated), "settled": len(settled)}
    panel = PanelPage(page, {"transcript": transcript(*messages, live=live)})
    for number, html in enumerate([*MARKUP.values(), *mutated, ""], 1):  # and as what is morphed into others
        panel.custom(delta(number, "x", html, keep=len(settled), settled=len(settled)))
    page.wait_for_load_state("networkidle")
    assert_harmless(page, watched)
    assert page.locator(".lsnb-body [id], .lsnb-body [name], .lsnb-body .lsnb-panel").count() == 0


def test_in_jupyterlab_and_in_the_saved_notebook(open_notebook, page, watched):
    """The same set through a real kernel, the panel and its twin, saved, and opened again untrusted."""
    texts = list(TEXTS.values())
    panel = f"""%load_ext langswarm_nb
import langswarm_nb as ls
from langswarm_nb.core.session.providers.mock import MockProviderSession
panel = ls.chat(model='mock:echo')
texts = {texts!a}
panel.manager.add_provider_session('mock', MockProviderSession(replies=texts, chunk_chars=9))
panel"""
    notebook = open_notebook([panel, "for text in texts:\n    await panel.session.send_message(text)"])
    notebook.start_cell(0)
    page.locator(".lsnb-panel").wait_for()
    notebook.run_cell(1)
    page.locator(".lsnb-assistant:not(.lsnb-live)").nth(len(texts) - 1).wait_for()
    assert page.evaluate("() => window.pwned") is None
    assert page.evaluate(_ESCAPED) == []
    notebook.save()
    page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    page.reload()
    page.locator(".lsnb-twin").first.wait_for()  # the end of a conversation may stand in a second one
    page.wait_for_load_state("networkidle")
    assert page.evaluate("() => window.pwned") is None
    active = "twins => twins.flatMap(twin => [...twin.querySelectorAll('script, img, iframe, form')]).length"
    assert page.locator(".lsnb-twin").evaluate_all(active) == 0
    assert watched.foreign == []
    assert watched.errors == []
