"""HTML exports stand alone and run nothing, whatever stands in them."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

from langswarm_nb.analysis import export
from langswarm_nb.render import render_html

HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(1)> ![i](https://evil.example/p.png) "
    "[l](javascript:alert(1)) </section></article><meta http-equiv=refresh content='0;url=https://evil.example'>"
)


class Page(HTMLParser):
    """Collects elements, attributes and nesting."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str, str | None]] = []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in ("meta", "br", "hr", "img", "input", "wbr"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag in self.open:
            assert self.open[-1] == tag, f"</{tag}> closes {self.open[-1]}"
            self.open.pop()


async def test_an_html_export_runs_and_loads_nothing(manager, tmp_path):
    """Hostile titles, questions, answers and models: no script, no handler, no address that loads by itself."""
    render = render_html
    session = await manager.create_session("ada", "mock", HOSTILE, title=HOSTILE)
    await session.send_message(HOSTILE)
    text = export(session, tmp_path / "talk.html", render=render)
    assert (tmp_path / "talk.html").read_text("utf-8") == text
    page = Page()
    page.feed(text)
    assert page.open == []
    assert not page.tags & {
        "script",
        "img",
        "iframe",
        "object",
        "embed",
        "link",
        "base",
        "form",
        "svg",
        "math",
        "video",
    }
    assert not [
        name for _, name, _ in page.attributes if name.startswith("on") or name in ("src", "srcset", "style")
    ]
    links = [value or "" for _, name, value in page.attributes if name == "href"]
    assert all(re.match(r"(https?|mailto):", link) for link in links)
    [policy] = [
        value for tag, name, value in page.attributes if tag == "meta" and value and "default-src" in value
    ]
    assert policy.startswith("default-src 'none'")
    assert "script-src" not in policy
    assert "unsafe" not in policy
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert style is not None
    assert base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode() in policy
    refreshes = [value for tag, name, value in page.attributes if tag == "meta" and value == "refresh"]
    assert refreshes == []
    assert "url(" not in text.split("</style>")[0]


async def test_an_html_export_can_be_read(filled):
    """Title, model, speakers and texts of the active path, one after the other; secrets are taken out."""
    text = export(filled, format="html")
    assert text.startswith("<!DOCTYPE html>")
    assert "<h2>First</h2>" in text
    assert text.index("Be kind.") < text.index("Hello again!") < text.index("You said: Hello again!")
    assert 'lang="en"' in text
