"""The panel's front end alone on a page: no kernel, a model that the test plays."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeAlias

from langswarm_nb.notebook.panel.scripts import script, style
from langswarm_nb.render import render_html

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

# What anywidget hands to a widget, as far as the panel uses it; `kernel` says what to do with what is sent.
_MODEL = """
class FakeModel {
  constructor(state) { Object.assign(this, { state, handlers: {}, sent: [], kernel: () => {} }); }
  get(key) { return this.state[key]; }
  set(key, value) { this.state[key] = value; this.emit(`change:${key}`); }
  on(event, handler) { (this.handlers[event] ??= []).push(handler); }
  off(event, handler) { this.handlers[event] = (this.handlers[event] ?? []).filter((other) => other !== handler); }
  emit(event, ...about) { for (const handler of [...(this.handlers[event] ?? [])]) handler(...about); }
  send(content, _callbacks, buffers) { this.sent.push(content); this.kernel(content, buffers); }
  custom(content, buffers) { this.emit('msg:custom', content, buffers); }
}
"""

Item: TypeAlias = dict[str, Any]
STREAMING: Item = {
    "id": "m9",
    "number": 0,
    "text": "",
    "thinking": "",
    "html": "",
    "settled": 0,
    "foreign": False,
    "note": "",
}
INFO: Item = {
    "sessionId": "s1",
    "name": "a session",
    "title": "",
    "model": "mock:echo",
    "offline": True,
    "archived": False,
    "branch": "main",
    "branches": ["main"],
    "system": "",
    "options": {"temperature": None, "max_tokens": None},
    "contextUsed": "",
    "contextLimit": "",
    "contextShare": None,
    "last": "",
    "total": "",
    "budget": None,
    "exports": ["md", "jsonl"],
}


def item(number: int, text: str, role: str = "assistant", **facts: Any) -> dict[str, Any]:
    """Return a message as the kernel would send it."""
    return {
        "id": f"m{number}",
        "role": role,
        "text": text,
        "html": render_html(text) if role == "assistant" else None,
        "thinking": "",
        "version": [1, 1, None, None],
        "hidden": False,
        "status": "ok",
        "note": "",
        "error": "",
        "at": None,
        **facts,
    }


def transcript(*messages: Item, rev: int = 1, earlier: int = 0, live: Item | None = None) -> Item:
    """Return the state of a conversation."""
    return {"rev": rev, "earlier": earlier, "messages": list(messages), "live": live}


def patch(*messages: Item, rev: int, keep: int = 0, live: Item | None = None) -> Item:
    """Return a change of the state."""
    return {
        "type": "patch",
        "rev": rev,
        "earlier": 0,
        "keep": keep,
        "tail": [message["id"] for message in messages],
        "items": list(messages),
        "live": live,
    }


def delta(number: int, text: str, html: str, *, keep: int = 0, settled: int = 0) -> Item:
    """Return a piece of the reply that is on its way; ``html`` follows what is kept of the HTML before."""
    return {
        "type": "delta",
        "id": "m9",
        "number": number,
        "text": text,
        "thinking": "",
        "keep": keep,
        "html": html,
        "settled": settled,
    }


class PanelPage:
    """A mounted panel; ``model`` and ``cleanup`` are globals of the page."""

    def __init__(self, page: Page, state: dict[str, Any] | None = None, *, head: str = "") -> None:
        self.page = page
        page.set_content(
            f"<!doctype html><html lang=en><head><title>Panel</title>{head}<style>{style()}</style></head>"
            "<body><main><h1 hidden>Panel</h1><div id=el></div></main></body></html>"
        )
        everything = {
            "transcript": {"rev": 0, "earlier": 0, "messages": [], "live": None},
            "info": INFO,
            "attached": [],
            "busy": False,
            "problem": "",
            "height": "28rem",
            "theme": "auto",
            "enter_sends": True,
            "panel_id": "p1",
            **(state or {}),
        }
        page.evaluate(
            _MODEL
            + """(async ([code, state]) => {
              const url = URL.createObjectURL(new Blob([code], { type: 'text/javascript' }));
              const widget = (await import(url)).default;
              window.model = new FakeModel(state);
              window.forget = widget.initialize({ model });
              window.cleanup = widget.render({ model, el: document.getElementById('el') });
            })"""
            + f"({json.dumps([script(), everything])})"
        )

    @property
    def box(self) -> Locator:
        """Where messages are written."""
        return self.page.get_by_role("textbox", name="Message", exact=True)

    def answer(self, rules: str = "{}") -> None:
        """Acknowledge and answer everything; ``rules`` is a JavaScript object: type to value."""
        self.page.evaluate(
            """(rules) => {
              const values = eval(`(${rules})`);
              model.kernel = ({ type, n }) => queueMicrotask(() => {
                model.custom({ type: 'ack', n });
                model.custom({ type: 'result', n, value: values[type] ?? {} });
              });
            }""",
            rules,
        )

    def sent(self, kind: str) -> list[dict[str, Any]]:
        """Return the contents of what the page sent of this type."""
        found: list[dict[str, Any]] = self.page.evaluate(
            "(kind) => model.sent.filter(({ type }) => type === kind).map(({ n, type, ...rest }) => rest)",
            kind,
        )
        return found

    def custom(self, content: dict[str, Any]) -> None:
        """Send a message of the kernel."""
        self.page.evaluate("(content) => model.custom(content)", content)

    def set(self, **values: Any) -> None:
        """Set traits, as the kernel would."""
        for key, value in values.items():
            self.page.evaluate("([key, value]) => model.set(key, value)", [key, value])
