"""Markdown of a model to HTML that is safe wherever it is shown.

The parser never lets HTML through; what it builds then passes nh3, so that two independent locks hold.
No image is fetched: it becomes a link with its alternative text. Links lead to http, https and mailto only and show
where. Nothing the model wrote becomes a class, an id, a style or an address of any other kind.
What Markdown itself would swallow stays visible: link reference definitions, blocks nested too deep, unsafe links.
"""

from __future__ import annotations

import functools
import re
from html import escape
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token

from .colours import KINDS
from .controls import visible_controls
from .emphasis import add_breaks, add_emphasis, with_breaks
from .escaping import MAX_COLOURED_CHARS, code_block_html, code_html, text_html
from .links import LINK_REL, is_safe_address
from .math import MAX_LIVE_FORMULAS, add_math, is_plain_tex, tex_body
from .source_marks import add_source_marks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from markdown_it.renderer import RendererHTML
    from markdown_it.rules_block import StateBlock
    from markdown_it.rules_core import StateCore

__all__ = ["Environment", "block_starts", "fences", "formula_block_html", "markdown_html", "parser"]

Environment = dict[str, Any]
"""What one reply carries from block to block: ``"formulas"``, the number of live ones so far, and
``"coloured_chars"``, how much code has colours."""

_MAX_DEPTH = 16
"""Of blocks and of emphasis; below the depth at which markdown-it drops text."""
_MAX_TARGET_CHARS = 120

_RIGHT_TO_LEFT = re.compile(
    "[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]"
)
_DIRECTED = {"paragraph_open", "heading_open", "list_item_open", "table_open"}
"""Blocks that take their direction from their text, when it has letters that are written to the left."""

_TASK = re.compile(r"\[([ xX])\] +(?=\S)")

_CLASSES = {
    "a": {"lsnb-image"},
    "code": {"lsnb-tex"},
    "div": {"lsnb-code", "lsnb-lang", "lsnb-math", "lsnb-table"},
    "li": {"lsnb-task"},
    "pre": {"lsnb-tex"},
    "sup": {"lsnb-cite"},
    "span": {"lsnb-math", "lsnb-target", "lsnb-image", *(f"lsnb-{kind}" for kind in KINDS.values())},
}
_ATTRIBUTES = {
    "a": {"href", "title"},
    "ol": {"start"},
    "th": {"align"},
    "td": {"align"},
    **{name: {"dir"} for name in ("p", "h1", "h2", "h3", "h4", "h5", "h6", "li", "table", "pre")},
}
_TAGS = {
    *(
        "p",
        "br",
        "strong",
        "em",
        "s",
        "code",
        "pre",
        "ul",
        "ol",
        "li",
        "a",
        "blockquote",
        "hr",
        "div",
        "span",
        "sup",
    ),
    *("h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"),
}
_CLEANER = nh3.Cleaner(
    tags=_TAGS,
    attributes=_ATTRIBUTES,
    allowed_classes=_CLASSES,
    url_schemes={"http", "https", "mailto"},
    link_rel=LINK_REL,
)


def markdown_html(text: str, environment: Environment) -> str:
    """Return the HTML of whole blocks; ``environment`` counts on over the blocks of one reply."""
    return _CLEANER.clean(parser().render(visible_controls(text), environment))


def block_starts(text: str) -> list[int]:
    """Return the lines, from 0, on which a block of the top level starts."""
    return [token.map[0] for token in _blocks(text) if token.level == 0 and token.nesting >= 0 and token.map]


def fences(text: str) -> list[tuple[str, str]]:
    """Return what stands behind the opening mark of each fenced block, and its code, in order."""
    return [(token.info, token.content) for token in _blocks(text) if token.type == "fence"]


def _blocks(text: str) -> list[Token]:
    tokens: list[Token] = []
    md = parser()
    md.block.parse(text, md, {}, tokens)
    return tokens


@functools.cache
def parser() -> MarkdownIt:
    """Return the parser that makes tokens of Markdown, one for all."""
    md = MarkdownIt("commonmark", {"html": False, "maxNesting": 20})
    md.enable(["table", "strikethrough"])
    md.disable("reference")  # definitions would hide text, and tie blocks together
    md.validateLink = is_safe_address  # type: ignore[method-assign]  # how markdown-it is told
    md.block.ruler.before("table", "too_deep", _too_deep)
    add_emphasis(md)
    add_breaks(md)
    add_math(md)
    add_source_marks(md)
    md.core.ruler.push("finish", _finish)
    for name, rule in _RENDER_RULES.items():
        md.add_render_rule(name, rule)
    return md


def _too_deep(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """Show what is nested deeper than any sense as the text it is; markdown-it would drop it."""
    if silent or state.level < _MAX_DEPTH:
        return False
    token = state.push("code_block", "code", 0)
    token.content = state.getLines(start_line, end_line, 0, True)
    token.map = [start_line, end_line]
    state.line = end_line
    return True


def _finish(state: StateCore) -> None:
    """Add what the renderer needs to the tokens: directions, alignments, link targets."""
    lines = state.src.split("\n") if _RIGHT_TO_LEFT.search(state.src) else []
    is_cell = False
    for number, token in enumerate(state.tokens):
        if token.type == "inline" and token.children:
            children = with_breaks(token.children, is_cell=is_cell)
            token.children = _shown_targets(_flattened(children))
        if token.type == "list_item_open":
            _mark_task(state.tokens[number : number + 3])
        is_cell = token.type in {"th_open", "td_open"}
        if is_cell and token.attrs:
            token.attrs = {"align": str(token.attrs["style"]).removeprefix("text-align:")}
        if lines and token.type in _DIRECTED and token.map:
            start, end = token.map
            if any(map(_RIGHT_TO_LEFT.search, lines[start:end])):
                token.attrSet("dir", "auto")


def _mark_task(tokens: Sequence[Token]) -> None:
    """Give an item of a list that begins with ``[ ]`` or ``[x]`` a box, as a character: that is seen without styles."""
    item, *inside = tokens
    if [token.type for token in inside] != ["paragraph_open", "inline"] or not inside[1].children:
        return
    first = inside[1].children[0]
    if first.type == "text" and (found := _TASK.match(first.content)):
        first.content = f"{'☐' if found[1] == ' ' else '☑'} {first.content[found.end() :]}"
        item.attrSet("class", "lsnb-task")


def _flattened(tokens: list[Token]) -> list[Token]:
    """Turn emphasis nested deeper than any sense back into its marks."""
    depth = 0
    for token in tokens:
        depth += max(0, token.nesting)
        is_too_deep = depth > _MAX_DEPTH and token.tag in {"em", "strong", "s"}
        depth += min(0, token.nesting)
        if is_too_deep:
            token.type, token.content, token.nesting = "text", token.markup, 0
    return tokens


def _shown_targets(tokens: list[Token]) -> list[Token]:
    """Note the address of each link that does not say it itself; a link without text says it."""
    result: list[Token] = []
    link: Token | None = None
    said = ""
    for token in tokens:
        if token.markup == "autolink" and link is not None and link.markup != "autolink":
            continue  # links do not nest: the address in the text of another is text
        if token.type == "link_open":
            link, said = token, ""
        elif token.type == "link_close" and link is not None:
            href = str(link.attrs["href"])
            if not said.strip():
                said = href
                result.append(Token("text", "", 0, content=href))
            is_said = said.strip() in _full_names(href)
            token.meta = {"target": "" if is_said else _target(href)}
            link.attrs = {"href": href} if is_said else {"href": href, "title": _title(link, href)}
            link = None
        elif link is not None:
            said += token.content
            token.meta = {"in_link": True}
        result.append(token)
    return result


def _title(token: Token, address: str) -> str:
    title = token.attrs.get("title", "")
    return visible_controls(f"{address} ({title})" if title else address)


def _full_names(href: str) -> set[str]:
    """Return the texts that say as much as the address itself."""
    bare = href.rsplit("://", 1)[-1].removeprefix("mailto:")
    return {href, bare, bare.removesuffix("/")}


def _target(href: str) -> str:
    parts = urlsplit(href)
    target = f"mailto:{parts.path}" if parts.scheme == "mailto" else str(parts.hostname)
    return target[:_MAX_TARGET_CHARS]


def _target_html(target: str) -> str:
    return f' <span class="lsnb-target">({text_html(target)})</span>' if target else ""


def _render_text(_: RendererHTML, tokens: Sequence[Token], index: int, *_rest: Any) -> str:
    return text_html(tokens[index].content)


def _render_code_inline(_: RendererHTML, tokens: Sequence[Token], index: int, *_rest: Any) -> str:
    return f"<code>{code_html(tokens[index].content)}</code>"


def _render_code_block(
    _: RendererHTML, tokens: Sequence[Token], index: int, _options: Any, environment: Environment
) -> str:
    code, done = tokens[index].content, environment.get("coloured_chars", 0)
    environment["coloured_chars"] = done + len(code)
    return code_block_html(code, tokens[index].info, coloured_chars=MAX_COLOURED_CHARS - done)


def formula_block_html(formula: str, environment: Environment) -> str:
    """Return a displayed formula, given with its delimiters: typeset by the page when it is plain, else code."""
    html = code_html(formula)
    if _is_live(formula, environment):
        return f'<div class="lsnb-math">{html}</div>\n'
    return f'<pre class="lsnb-tex"><code>{html}</code></pre>\n'


def _render_math_inline(
    _: RendererHTML, tokens: Sequence[Token], index: int, _options: Any, environment: Environment
) -> str:
    source = tokens[index].content
    html = code_html(source)
    if _is_live(source, environment):
        return f'<span class="lsnb-math">{html}</span>'
    return f'<code class="lsnb-tex">{html}</code>'


def _render_math_block(
    _: RendererHTML, tokens: Sequence[Token], index: int, _options: Any, environment: Environment
) -> str:
    return formula_block_html(tokens[index].content, environment)


def _is_live(source: str, environment: Environment) -> bool:
    number = environment.get("formulas", 0) + 1
    if number > MAX_LIVE_FORMULAS or not is_plain_tex(tex_body(source)):
        return False
    environment["formulas"] = number
    return True


def _render_image(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: Any, environment: Environment
) -> str:
    token = tokens[index]
    alt = renderer.renderInlineAsText(token.children, options, environment).strip() or "image"
    html, address = text_html(alt), str(token.attrs["src"])
    target = _target_html(f"image: {_target(address)}")
    if token.meta.get("in_link"):  # links do not nest
        return f'<span class="lsnb-image">{html}</span>{target}'
    href, title = escape(address), escape(_title(token, address))
    return f'<a class="lsnb-image" href="{href}" title="{title}">{html}</a>{target}'


def _render_link_close(_: RendererHTML, tokens: Sequence[Token], index: int, *_rest: Any) -> str:
    return "</a>" + _target_html(tokens[index].meta["target"])


def _render_table_open(renderer: RendererHTML, tokens: Sequence[Token], index: int, *rest: Any) -> str:
    return '<div class="lsnb-table">' + renderer.renderToken(tokens, index, *rest)


def _render_table_close(renderer: RendererHTML, tokens: Sequence[Token], index: int, *rest: Any) -> str:
    return renderer.renderToken(tokens, index, *rest).rstrip() + "</div>\n"


_RENDER_RULES: dict[str, Callable[..., str]] = {
    "text": _render_text,
    "code_inline": _render_code_inline,
    "code_block": _render_code_block,
    "fence": _render_code_block,
    "math_inline": _render_math_inline,
    "math_block": _render_math_block,
    "image": _render_image,
    "link_close": _render_link_close,
    "table_open": _render_table_open,
    "table_close": _render_table_close,
}
