"""The page that a cell shows: replies side by side, each with its footer, and what was said as bubbles."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from . import Format, render_html
from .colours import without_colours
from .escaping import code_html, text_block_html, text_html
from .sheet import style_sheet

__all__ = ["ReplyPart", "bubble_html", "page_html", "scoped_page"]

# One handler serves all buttons of a page. It is the same text in every page: nothing that a model wrote is in it.
_ON_CLICK = (
    "const b=event.target.closest('.lsnb-copy');if(b){const t=b.closest('.lsnb-code,.lsnb-next').querySelector('code'),"
    "d=()=>{b.dataset.done='';setTimeout(()=>delete b.dataset.done,1500)};"
    "navigator.clipboard?navigator.clipboard.writeText(t.textContent).then(d):"
    "(getSelection().selectAllChildren(t),document.execCommand('copy')?d():0)}"
)
_BUTTON = '<button class="lsnb-copy" aria-label="Copy" hidden="hidden"></button>'
"""Hidden unless the style shows it, and that it does where the page kept its handler. Its word is in the style too.
JupyterLab takes attributes without a value away."""
_CODE = re.compile(
    r'(?:(<div class="lsnb-lang">(?:[^<]|<(?!/div>))*)</div>)?<pre dir="ltr">(.*?)</pre>', re.DOTALL
)
"""A block of code, with its strip where it has one. No text of a model looks like this: ``<`` or ``"`` are escaped."""
_BEFORE_BLANK_LINE = re.compile(r"\n(?=[ \t]*\n)")
_TABLE_START = '<div class="lsnb-table">'
_CARET = '<span class="lsnb-caret">▍</span>'
_CLOSING_TAGS = re.compile(
    r"\s*(?:</(?:p|h[1-6]|ul|ol|li|blockquote|div|pre|code|table|tbody|thead|tr|t[dh])>\s*)*$"
)
_FRAME = re.compile(
    r"^(?P<title>(?:DataFrame|Series|array)\b[^\n]*)\n(?:dtypes: [^\n]*\n)?\n(?P<table>(?:\|[^\n]*\|(?:\n|\Z))+)",
    re.MULTILINE,
)
"""A frame as a question holds it, see `langswarm_nb.notebook.asking.value_text`."""


@dataclass(frozen=True, slots=True)
class ReplyPart:
    """One reply on the page."""

    body: str
    """HTML that the renderer made."""
    title: str = ""
    """Plain text above it."""
    subtitle: str = ""
    """Plain text beside the title."""
    footer: str = ""
    """Plain text, one line below it; of a live reply, what is being waited for."""
    details: Sequence[tuple[str, str]] = ()
    """Names and values, plain text, that unfold below the footer."""
    next_step: tuple[str, str] | None = None
    """What can be done with it, in words, and the line to type for that; plain text."""
    is_live: bool = False
    """Whether more of it will come."""


def page_html(parts: Sequence[ReplyPart], *, above: str = "") -> str:
    """Return the replies as one HTML fragment, scoped by class names.

    Parameters
    ----------
    above
        HTML of the renderer that belongs to all of them.
    """
    blocks = [_part_html(part) for part in parts]
    if len(blocks) > 1:
        columns = "".join(f'<div class="lsnb-column">{block}</div>' for block in blocks)
        blocks = [f'<div class="lsnb-columns">{columns}</div>']
    return scoped_page("".join([above, *blocks]), is_live=any(part.is_live for part in parts))


def scoped_page(body: str, *, is_live: bool = False) -> str:
    """Return HTML of the renderer with the style that it needs, and with buttons that copy its code.

    Parameters
    ----------
    body
        Balanced and safe.
    is_live
        Whether it will be replaced soon; then it has neither buttons nor colours, which would cost most of its bytes.
    """
    handler = ""
    if is_live:
        body = without_colours(body)
    else:
        body = _CODE.sub(_with_button, body)
        body = body.replace(_TABLE_START, f'{_TABLE_START[:-1]} tabindex="0">')
        # In a notebook made into Markdown a blank line ends the HTML, and what follows would be read as Markdown.
        body = _BEFORE_BLANK_LINE.sub("&#10;", body)
        handler = f' onclick="{_ON_CLICK}"' if _BUTTON in body else ""
    start = f'<div class="lsnb-reply"{handler}>'
    return f"{start}<style>{style_sheet(start + body)}</style>{body}</div>"


def _part_html(part: ReplyPart) -> str:
    body = _with_caret(part.body) if part.is_live else part.body
    return _head_html(part) + body + _footer_html(part) + _next_html(part)


def _head_html(part: ReplyPart) -> str:
    if not part.title:
        return ""
    beside = f" <span>{text_html(part.subtitle)}</span>" if part.subtitle else ""
    return f'<p class="lsnb-head"><strong>{text_html(part.title)}</strong>{beside}</p>'


def _with_caret(html: str) -> str:
    """Put the cursor behind the last word, inside of the blocks that end there."""
    end = _CLOSING_TAGS.search(html)
    at = len(html) if end is None else end.start()
    return f"{html[:at]}{_CARET}{html[at:]}"


def _with_button(code: re.Match[str]) -> str:
    """Return a block of code with a strip that has a button; without a language it had none."""
    strip, html = code.groups()
    block = f'<pre dir="ltr" tabindex="0">{html}</pre>'
    if strip:
        return f"{strip}{_BUTTON}</div>{block}"
    return f'<div class="lsnb-code"><div class="lsnb-lang">{_BUTTON}</div>{block}</div>'


def _footer_html(part: ReplyPart) -> str:
    line = text_html(part.footer)
    if part.is_live or not part.details:
        return f'<div class="lsnb-footer">{line}</div>' if line else ""
    rows = (
        f"<dt>{text_html(name)}</dt><dd>{text_block_html(value).rstrip()}</dd>"
        for name, value in part.details
    )
    return f'<details class="lsnb-footer"><summary>{line or "details"}</summary><dl>{"".join(rows)}</dl></details>'


def _next_html(part: ReplyPart) -> str:
    if part.next_step is None:
        return ""
    words, line = part.next_step
    return f'<div class="lsnb-next">{text_html(words)} <code>{code_html(line)}</code>{_BUTTON}</div>'


def bubble_html(
    speaker: str,
    line: str,
    text: str,
    *,
    format: Format = "text",
    body: str = "",
    above: str = "",
    below: str = "",
) -> str:
    """Return one message.

    Parameters
    ----------
    speaker
        ``"user"``, ``"assistant"``, ``"system"`` or ``"tool"``, which decides how it looks.
    line
        Plain text above it; its first part, up to `` · ``, stands out.
    text
        What was said.
    format
        How to show that; of ``"text"``, tables are folded.
    body
        HTML that the renderer made of it before.
    above, below
        Safe HTML around it; where there is any, no text takes no room.
    """
    who, dot, rest = line.partition(" · ")
    words = body or ("" if (above or below) and not text else _words(text, format))
    words = f"{above}{words}{below}"
    head = f'<div class="lsnb-who"><strong>{text_html(who)}</strong>{text_html(dot + rest)}</div>'
    return f'<div class="lsnb-said lsnb-by-{speaker}">{head}{words}</div>'


def _words(text: str, format: Format) -> str:
    return _folded(text) if format == "text" else render_html(text, format=format)


def _folded(text: str) -> str:
    """Return text as it is, each table that was put into it behind its title."""
    pieces, end = [], 0
    for found in _FRAME.finditer(text):
        pieces += [_as_it_is(text[end : found.start()]), _fold(found["title"], found["table"])]
        end = found.end()
    return "".join([*pieces, _as_it_is(text[end:])]) or render_html("", format="text")


def _as_it_is(text: str) -> str:
    return render_html(text.strip("\n"), format="text") if text.strip() else ""


def _fold(title: str, table: str) -> str:
    return f"<details><summary>{text_html(title)}</summary>{render_html(table)}</details>"
