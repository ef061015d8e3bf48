"""What a page may contain that the renderer made, checked with a browser's parsing rules (html5lib)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import html5lib

if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree.ElementTree import Element

XHTML = "{http://www.w3.org/1999/xhtml}"
ELEMENTS = {
    *(
        "a",
        "blockquote",
        "br",
        "code",
        "details",
        "div",
        "em",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "li",
    ),
    *("ol", "p", "pre", "s", "small", "span", "strong", "summary", "sup", "dl", "dt", "dd"),
    *("table", "tbody", "td", "th", "thead", "tr", "ul", "mark", "button", "img", "audio"),
}
ATTRIBUTES = {
    "a": {"href", "title", "rel", "class"},
    "ol": {"start"},
    "td": {"align"},
    "th": {"align", "scope"},
    "pre": {"tabindex"},
    "div": {"tabindex"},
    "span": {"title"},
    "button": {"aria-label", "hidden"},
    "img": {"src", "alt", "height"},
    "audio": {"src", "controls"},
}
DATA = re.compile(r"data:(image/(png|jpeg|gif|webp)|audio/[a-z0-9.+-]+);base64,[A-Za-z0-9+/]+=*")
"""The only pictures and sounds: those that a page holds itself."""
EVERYWHERE = {"class", "dir"}
HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
    "|[\ufe00-\ufe0f]{2}|(?<!\U0001f3f4)(?<![\U000e0000-\U000e007f])[\U000e0000-\U000e007f]"
)


def parse(html: str) -> Element:
    """Return the tree a browser makes of a fragment."""
    tree: Element = html5lib.parseFragment(html, treebuilder="etree", namespaceHTMLElements=True)
    return tree


def elements(html: str) -> Iterator[Element]:
    """Yield every element of a fragment."""
    yield from _below(parse(html))


def _below(root: Element) -> Iterator[Element]:
    yield from (element for element in root.iter() if element is not root)


def text_of(html: str) -> str:
    """Return what a reader sees of a fragment."""
    return "".join(parse(html).itertext())


def assert_safe(html: str) -> None:
    """Fail unless all in the fragment is on the list, and the fragment stays in the box it is put in."""
    root = parse(html)
    for element in _below(root):
        assert isinstance(element.tag, str), f"a comment: {html!r}"
        name = element.tag.removeprefix(XHTML)
        assert name in ELEMENTS, f"<{name}> in {html!r}"
        assert set(element.attrib) <= ATTRIBUTES.get(name, set()) | EVERYWHERE, (
            f"{element.attrib} in {html!r}"
        )
        assert all(word.startswith("lsnb-") for word in element.get("class", "").split())
        if name == "button":  # nothing of a model's is in it
            assert (element.get("class"), element.text) == ("lsnb-copy", None)
        assert element.get("dir", "auto") in {"auto", "ltr"}
        assert element.get("align", "left") in {"left", "center", "right"}
        if name in {"img", "audio"}:
            assert DATA.fullmatch(element.get("src", "")), f"{element.attrib} in {html!r}"
        if name == "a":
            assert urlsplit(element.get("href", "http:")).scheme in {"http", "https", "mailto"}
            assert element.get("rel") == "noopener noreferrer nofollow"
    seen = "".join(root.itertext()) + "".join(element.get("title", "") for element in _below(root))
    assert HIDDEN.search(seen) is None
    boxed = parse(f"<section>{html}</section><footer></footer>")
    assert [child.tag.removeprefix(XHTML) for child in boxed] == ["section", "footer"], (
        f"left its box: {html!r}"
    )
    assert len(list(boxed[0].iter())) == len(list(root.iter())), f"not balanced: {html!r}"
