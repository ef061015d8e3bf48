"""The panel's front end as one script: the plain modules of ``static/``, joined in the order of their imports.

anywidget takes one module. Joining needs no build step: edit a file, make a new panel.
A module may import names from its neighbours (``import { a, b } from "./x.js";``) and export declarations;
all share one scope, in which the browser refuses a name that is declared twice.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path

from langswarm_nb.render.sheet import code_colours

STATIC = Path(__file__).parent / "static"

_STYLES = ("panel.css", "messages.css", "chips.css", "overlays.css")
_IMPORT = re.compile(r'^import \{[^}]*\} from "\./([a-z]+\.js)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const|let) )", re.MULTILINE)
_COMMENT = re.compile(r"^\s*(?:/\*\*(?:(?!\*/).)*\*/|//.*?)\n", re.MULTILINE | re.DOTALL)


@functools.cache
def script() -> str:
    """Return the whole front end."""
    return "\n".join(_plain(STATIC / name) for name in _in_order("panel.js"))


@functools.cache
def style() -> str:
    """Return the style sheet."""
    sheets = [(STATIC / name).read_text("utf-8") for name in _STYLES]
    return "\n".join([*sheets, f".lsnb-panel {{ {code_colours()} }}"])


def _in_order(name: str, before: tuple[str, ...] = ()) -> list[str]:
    """Return the modules that ``name`` needs, each once and after those it needs itself, and ``name``."""
    order = list(before)
    for needed in _IMPORT.findall((STATIC / name).read_text("utf-8")):
        if needed not in order:
            order = _in_order(needed, tuple(order))
    return [*order, name]


def _plain(file: Path) -> str:
    """Return a module without its imports, exports and comments; they would go out with every panel."""
    text = _IMPORT.sub("", file.read_text("utf-8"))
    return _COMMENT.sub("", _EXPORT.sub("", text))
