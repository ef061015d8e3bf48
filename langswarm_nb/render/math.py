r"""Formulas: found before Markdown can bend them, handed to the page's MathJax only when they are plain.

Recognised are ``$x$``, ``$$x$$``, ``\(x\)``, ``\[x\]``, and ``$$`` or ``\[`` blocks over several lines without a
blank line. A formula is *live* when all of its commands are in `PLAIN_COMMANDS`; its source then stands between its
delimiters in an element of its own, and JupyterLab, Notebook, nbconvert and others typeset it. Every other formula is
shown as code. Left out are the commands that link, define, load, colour, hide, size or place at will (``\href``,
``\def``, ``\require``, ``\unicode``, ``\phantom``, ``\kern``, ``\class``, …): how far front ends hold them back
differs.

MathJax looks for delimiters in all text of an output. So where text outside of formulas has one ("$5 and $10"), it
gets an element of its own (`isolate_tex`): MathJax does not match delimiters across elements.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock
    from markdown_it.rules_inline import StateInline

__all__ = ["MAX_LIVE_FORMULAS", "add_math", "is_plain_tex", "isolate_tex", "tex_body"]

MAX_LIVE_FORMULAS = 200
"""Formulas of one reply that are typeset; each costs the browser some milliseconds, at each update."""
MAX_TEX_CHARS = 2000
_MAX_LINES = 100
_MAX_DEPTH = 12
_MAX_COMMANDS = 200
_MAX_BACK_STEPS = 10

PLAIN_COMMANDS = frozenset(
    r"""
    alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa varkappa lambda mu nu xi omicron pi
    varpi rho varrho sigma varsigma tau upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon
    Phi Psi Omega aleph beth gimel daleth hbar hslash ell imath jmath Re Im wp partial nabla infty emptyset
    varnothing complement forall exists nexists neg lnot land lor top bot vdash dashv models vDash prime backprime
    angle measuredangle triangle square blacksquare Box Diamond diamond star bigstar ast circ bullet cdot cdotp dots
    ldots cdots vdots ddots dotsb dotsc dotso times div pm mp oplus ominus otimes oslash odot cap cup sqcap sqcup
    uplus wedge vee setminus smallsetminus wr amalg dagger ddagger sharp flat natural clubsuit diamondsuit heartsuit
    spadesuit checkmark
    lt gt le leq leqq leqslant ge geq geqq geqslant ll gg lll ggg ne neq not equiv approx approxeq sim simeq cong
    asymp doteq propto prec succ preceq succeq subset supset subseteq supseteq subsetneq supsetneq sqsubseteq
    sqsupseteq in ni notin mid nmid parallel nparallel perp bowtie coloneqq triangleq
    to gets leftarrow rightarrow leftrightarrow Leftarrow Rightarrow Leftrightarrow longleftarrow longrightarrow
    longleftrightarrow Longleftarrow Longrightarrow Longleftrightarrow mapsto longmapsto hookrightarrow
    hookleftarrow uparrow downarrow updownarrow Uparrow Downarrow nearrow searrow swarrow nwarrow
    rightharpoonup rightharpoondown leftharpoonup leftharpoondown rightleftharpoons iff implies impliedby
    xrightarrow xleftarrow leadsto therefore because
    sum prod coprod int iint iiint oint bigcap bigcup bigsqcup bigvee bigwedge bigoplus bigotimes bigodot biguplus
    lim limsup liminf sup inf max min arg det dim exp gcd hom ker lg ln log Pr sin cos tan cot sec csc sinh cosh tanh
    coth arcsin arccos arctan deg mod bmod pmod pod operatorname limits nolimits
    frac dfrac tfrac cfrac binom dbinom tbinom sqrt root of over choose overline underline overbrace underbrace
    overrightarrow overleftarrow overset underset stackrel substack hat widehat tilde widetilde bar vec dot ddot
    dddot acute grave check breve mathring boxed cancel bcancel xcancel
    left right middle big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr Biggl Biggr lbrace rbrace lbrack rbrack
    langle rangle lvert rvert lVert rVert vert Vert lfloor rfloor lceil rceil backslash
    mathrm mathbf mathit mathsf mathtt mathbb mathcal mathfrak mathscr boldsymbol pmb bm text textrm textbf textit
    texttt textsf textnormal mathop mathbin mathrel mathord mathopen mathclose mathpunct mathinner rm bf it cal
    displaystyle textstyle scriptstyle scriptscriptstyle quad qquad colon tag notag nonumber hline begin end
    """.split()  # noqa: SIM905  as words it can be read
)
"""Commands that only draw symbols in their place."""

_PLAIN_ENVIRONMENTS = frozenset(
    """
    matrix pmatrix bmatrix Bmatrix vmatrix Vmatrix smallmatrix array cases rcases dcases aligned align align*
    alignedat gathered gather gather* split equation equation* multline multline*
    """.split()  # noqa: SIM905
)
_COMMAND = re.compile(r"\\([A-Za-z]+|.)", re.DOTALL)
_ENVIRONMENT = re.compile(r"\\(?:begin|end)(?:\s*\{([^{}]*)\})?")
_ROW_SKIP = re.compile(r"\\\\\s*\*?\s*\[")
_TRIGGER = re.compile(r"\$|\\(?=[(\[]|begin|ref|eqref)")

_CLOSERS = {"$$": "$$", "\\[": "\\]", "\\(": "\\)", "$": "$"}


def isolate_tex(html: str) -> str:
    """Return escaped text in which MathJax finds no formula."""
    return _TRIGGER.sub(r"<span>\g<0></span>", html)


def is_plain_tex(tex: str) -> bool:
    """Tell whether TeX may be typeset: known commands, balanced, not deep, nothing that moves or hides."""
    if len(tex) > MAX_TEX_CHARS or not _is_balanced(tex):
        return False
    if not all(name in _PLAIN_ENVIRONMENTS for name in _ENVIRONMENT.findall(tex)):
        return False
    commands = _COMMAND.findall(tex)
    if len(commands) > _MAX_COMMANDS or commands.count("!") > _MAX_BACK_STEPS or _ROW_SKIP.search(tex):
        return False
    rest = _COMMAND.sub("", tex)
    return (
        not any(mark in rest for mark in "%$#\\")  # a comment hides, a delimiter ends, a hash defines
        and all(name in PLAIN_COMMANDS for name in commands if name.isalpha())
        and all(name in "\\,;:!>{}|$%&#_ \n" for name in commands if not name.isalpha())
    )


def tex_body(formula: str) -> str:
    """Return a formula without its delimiters."""
    size = 2 if formula[:2] in _CLOSERS else 1
    return formula[size:-size]


def _is_balanced(tex: str) -> bool:
    depth = 0
    for brace in re.findall(r"(?<!\\)(?:\\\\)*([{}])", tex):
        depth += 1 if brace == "{" else -1
        if not 0 <= depth <= _MAX_DEPTH:
            return False
    return depth == 0


def add_math(md: MarkdownIt) -> None:
    """Teach a parser the tokens ``math_inline`` and ``math_block``; their content includes the delimiters."""
    md.inline.ruler.before("escape", "math_inline", _math_inline)
    alt = ["paragraph", "reference", "blockquote", "list"]
    md.block.ruler.before("fence", "math_block", _math_block, {"alt": alt})


def _math_inline(state: StateInline, silent: bool) -> bool:
    end = _inline_end(state.src, state.pos, state.posMax)
    if end is None:
        return False
    if not silent:
        token = state.push("math_inline", "", 0)
        token.content = state.src[state.pos : end]
    state.pos = end
    return True


def _inline_end(src: str, start: int, limit: int) -> int | None:
    opener = src[start : start + 2]
    if opener not in _CLOSERS:
        opener = src[start : start + 1]
    closer = _CLOSERS.get(opener)
    if closer is None:
        return None
    body = start + len(opener)
    close = src.find(closer, body, min(limit, body + MAX_TEX_CHARS))
    while close > 0 and src[close - 1] == "\\" and closer[0] == "$":  # an escaped dollar is text
        close = src.find(closer, close + 1, min(limit, body + MAX_TEX_CHARS))
    if close < 0:
        return None
    tex, end = src[body:close], close + len(closer)
    if not tex.strip() or "`" in tex or "\n\n" in tex:
        return None
    return end if opener != "$" or _is_dollar_formula(src, start, end) else None


def _is_dollar_formula(src: str, start: int, end: int) -> bool:
    """Tell a formula from prices and shell variables, by what stands beside the two dollars."""
    before, after = src[start - 1 : start], src[end : end + 1]
    return not (
        src[start + 1].isspace()
        or src[end - 2].isspace()
        or before.isalnum()
        or after.isalnum()
        or "$" in (before, after)
    )


def _math_block(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    if state.is_code_block(start_line):
        return False
    last_line = _block_end(state, start_line, end_line)
    if last_line is None:
        return False
    if silent:
        return True
    token = state.push("math_block", "", 0)
    token.block = True
    token.content = state.getLines(start_line, last_line + 1, state.sCount[start_line], False).strip()
    token.map = [start_line, last_line + 1]
    state.line = last_line + 1
    return True


def _block_end(state: StateBlock, start_line: int, end_line: int) -> int | None:
    first = _line(state, start_line)
    opener = first[:2]
    if opener not in {"$$", "\\["}:
        return None
    closer, rest = _CLOSERS[opener], first[2:]
    for line in range(start_line, min(end_line, start_line + _MAX_LINES)):
        if line > start_line:
            if state.isEmpty(line) or state.sCount[line] < state.blkIndent:
                return None
            rest = _line(state, line)
            if opener != "$$" and opener in rest:
                return None
        if closer in rest:
            ends_here = rest.find(closer) == len(rest) - len(closer)
            return line if ends_here and (line > start_line or rest[:-2].strip()) else None
    return None


def _line(state: StateBlock, line: int) -> str:
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]].rstrip()
