"""`Picture`: a figure that a notebook shows in the colours of its theme, and that is white in files.

What a front end shows is an SVG in the page: no ground, and writing and axes in the colour of the text around it
(``currentColor``), so that one saved output is right in light and dark. Where a page takes no SVG, the same picture
stands there as a PNG on white; `savefig` is matplotlib's own. Loading this module loads matplotlib.
"""

from __future__ import annotations

import base64
import hashlib
import re
from html import escape
from io import BytesIO, StringIO
from typing import Any

import matplotlib as mpl
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

INK, GROUND = "#000000", "#ffffff"
"""What matplotlib draws with and on, unless a style of the user's says otherwise."""
_OF_PAGE = {
    INK: "currentColor",
    # Seen where something is cut out of a mark: in hatches, between stacked bars, in hollow points.
    GROUND: "var(--jp-layout-color0, var(--vscode-editor-background, Canvas))",
}
_MAX_SVG_CHARS = 500_000
_NO_FACTS = dict.fromkeys(("Creator", "Date", "Format", "Type"))
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_HEAD = re.compile(r"<svg [^>]*?(viewBox=\"[^\"]*\")[^>]*>\s*(?:<metadata>.*?</metadata>)?", re.DOTALL)
_RULES = re.compile(r"<defs>\s*<style[^>]*>.*?</style>\s*</defs>", re.DOTALL)
_ID = re.compile(r'(?<= id=")|(?<=href="#)|(?<=url\(#)')
# A page that takes no SVG takes no style either, and shows the picture that this hides.
_STYLE = "<style>.lsnb-plot svg + img { display: none }</style>"


class Picture(Figure):
    """A figure as matplotlib has them, with a look of its own in notebooks."""

    @property
    def alt(self) -> str:
        """What the picture is, for those who do not see it."""
        titles = (axes.get_title("left") for axes in self.axes)
        return "; ".join(title.replace(r"\$", "$") for title in titles if title)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        png = self._png(2)
        if not self._is_plain() or len(svg := self._svg()) > _MAX_SVG_CHARS:
            return {"image/png": png}
        alt = escape(self.alt)
        width = round(self.get_figwidth() * self.dpi)
        image = f'<img alt="{alt}" width="{width}" src="data:image/png;base64,{self._png(1)}">'
        look = f'width="{width}" style="max-width:100%;height:auto" fill="currentColor"'
        joints = 'stroke-linejoin="round" stroke-linecap="butt"'
        head = f'<svg role="img" aria-label="{alt}" {look} {joints}'
        return {
            "text/html": f'<div class="lsnb-plot">{head} {svg}{image}</div>{_STYLE}',
            "image/png": png,
            "text/plain": f"<{self.alt}>",
        }

    def _is_plain(self) -> bool:
        """Tell whether it has the colours of the page to take; a style of the user's own keeps its colours."""
        return to_hex(self.get_facecolor()) == GROUND and to_hex(mpl.rcParams["text.color"]) == INK

    def _png(self, scale: float) -> str:
        png = BytesIO()
        self.savefig(png, format="png", dpi=scale * self.dpi)
        return base64.b64encode(png.getvalue()).decode("ascii")

    def _svg(self) -> str:
        """Return the SVG from its ``viewBox`` on.

        Letters are shapes, which look alike everywhere and leave no stray text where a page takes the SVG away.
        """
        out = StringIO()
        with mpl.rc_context({"svg.fonttype": "path", "svg.hashsalt": "langswarm_nb"}):
            self.savefig(out, format="svg", transparent=True, metadata=_NO_FACTS)
        svg = _COMMENT.sub("", out.getvalue())
        svg = _RULES.sub("", svg, count=1)  # they would hold for the whole page
        head = _HEAD.search(svg)
        if head is None:
            raise AssertionError("matplotlib wrote no <svg viewBox=…>")
        svg = f"{head[1]}>{svg[head.end() :].lstrip()}"
        for own, of_page in _OF_PAGE.items():
            svg = svg.replace(own, of_page)
        # Ids hold for the whole page too, and another picture has the same letters.
        return _ID.sub(f"p{hashlib.sha256(svg.encode()).hexdigest()[:8]}-", svg)
