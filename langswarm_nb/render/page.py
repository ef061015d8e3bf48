"""The page that a cell shows: one reply, or several side by side, each with its footer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .escaping import text_block_html, text_html

__all__ = ["ReplyPart", "page_html"]

# Grey with alpha and the colours of the front end suit light and dark themes. A front end that drops the style
# shows plain, readable HTML. It is short because each update carries it.
_STYLE = (
    ".lsnb-reply pre,.lsnb-table{overflow-x:auto}"
    ".lsnb-code{border-left:3px solid #8886;padding-left:.7em}"
    ".lsnb-lang,.lsnb-target,.lsnb-note,.lsnb-footer{font-size:.85em;opacity:.75}.lsnb-footer{margin-top:.6em}"
    # JupyterLab aligns cells to the right, for numbers, with a selector of two classes.
    ".lsnb-reply .lsnb-table th,.lsnb-reply .lsnb-table td{text-align:left}"
    ".lsnb-reply .lsnb-table [align=right]{text-align:right}.lsnb-reply .lsnb-table [align=center]{text-align:center}"
)
_LIVE_STYLE = (
    ".lsnb-caret{animation:lsnb-blink 1s steps(2) infinite}@keyframes lsnb-blink{to{opacity:0}}"
    "@media(prefers-reduced-motion){.lsnb-caret{animation:none}}"
)
_COLUMN_WIDTHS = "repeat(auto-fit,minmax(min(22em,100%),1fr))"
_COLUMNS_STYLE = f".lsnb-columns{{display:grid;gap:0 1.5em;grid-template-columns:{_COLUMN_WIDTHS}}}"


@dataclass(frozen=True, slots=True)
class ReplyPart:
    """One reply on the page."""

    body: str
    """HTML that the renderer made."""
    title: str = ""
    """Plain text above it."""
    footer: str = ""
    """Plain text, one line below it; of a live reply, what is being waited for."""
    details: Sequence[tuple[str, str]] = ()
    """Names and values, plain text, that unfold below the footer."""
    is_live: bool = False
    """Whether more of it will come."""


def page_html(parts: Sequence[ReplyPart]) -> str:
    """Return the replies as one HTML fragment, scoped by class names."""
    style = _STYLE + _LIVE_STYLE * any(part.is_live for part in parts) + _COLUMNS_STYLE * (len(parts) > 1)
    blocks = [_part_html(part) for part in parts]
    if len(blocks) == 1:
        body = blocks[0]
    else:
        body = '<div class="lsnb-columns">' + "".join(f"<div>{block}</div>" for block in blocks) + "</div>"
    return f'<div class="lsnb-reply"><style>{style}</style>{body}</div>'


def _part_html(part: ReplyPart) -> str:
    title = f"<p><strong>{text_html(part.title)}</strong></p>" if part.title else ""
    return title + part.body + _footer_html(part)


def _footer_html(part: ReplyPart) -> str:
    line = text_html(part.footer)
    if part.is_live:
        return f'<div class="lsnb-footer"><span class="lsnb-caret">▍</span>{line}</div>'
    if not part.details:
        return f'<div class="lsnb-footer">{line}</div>' if line else ""
    rows = (
        f"<dt>{text_html(name)}</dt><dd>{text_block_html(value).rstrip()}</dd>"
        for name, value in part.details
    )
    return f'<details class="lsnb-footer"><summary>{line or "details"}</summary><dl>{"".join(rows)}</dl></details>'
