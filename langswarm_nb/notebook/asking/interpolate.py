r"""Fill `{{ name.attribute[0]!r:spec }}` in a prompt from the user's variables, and run nothing.

A field names something: a variable, its public attributes, its items and slices. Another expression in double braces
is refused; whatever else stands there is text, and so are single braces, ``$``, LaTeX, JSON and code.
``\{{ name }}`` stands for itself.
Text that was filled in is never looked at again, and all fields are looked up before anything is sent.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError

from langswarm_nb.core.session.errors import in_words
from langswarm_nb.core.session.text import class_name, did_you_mean
from langswarm_nb.notebook.showing.reply_view import Filled

from .value_text import is_picture, value_text

if TYPE_CHECKING:
    from langswarm_nb.core.session.answers.answer_schema import AnswerSchema
    from langswarm_nb.core.session.answers.questions import Question
    from langswarm_nb.core.session.parts.vocabulary import Part

# A field holds no `{{` and is short, so that a text full of braces is read once and not once a brace.
_FIELD = re.compile(r"(?P<escape>\\)?\{\{(?P<body>(?:(?!\{\{)[^\n]){0,400}?)\}\}")
_CONVERSIONS: dict[str, Callable[[object], str]] = {"r": repr, "s": str, "a": ascii}
_SPEC = re.compile(r"(.?[<>=^])?[-+ ]?z?#?0?\d*[_,]?(\.\d+)?[a-zA-Z%]?")
"""How numbers and text are formatted; what else stands behind a colon tells code and data from an expression."""
_MAX_SPEC_NUMBER = 10_000
_DATA = (ast.Constant, ast.Dict, ast.List, ast.Set, ast.Tuple)
"""What stands between double braces in JSON and TeX, and so is text."""
_QUOTES, _OPENING, _CLOSING = "'\"", "([{", ")]}"


@dataclass(frozen=True, slots=True)
class Prompt:
    """A text with its fields filled in."""

    text: str
    fields: tuple[Filled, ...] = ()
    system: str | None = None
    """System text that goes with it; None for none of its own."""
    parts: tuple[Part, ...] = ()
    """What goes with it beside its text."""
    schema: AnswerSchema | None = None
    """What the answer has to be."""
    questions: tuple[Question, ...] = ()
    """What is to be decided about it."""


@dataclass(frozen=True, slots=True)
class _Field:
    expression: str
    tree: ast.expr
    conversion: str
    spec: str

    def __str__(self) -> str:
        conversion = self.conversion and f"!{self.conversion}"
        return f"{{{{ {self.expression}{conversion}{self.spec and ':'}{self.spec} }}}}"


def interpolate(text: str, namespace: Mapping[str, Any]) -> Prompt:
    """Fill the fields of a text.

    Parameters
    ----------
    text : str
        The prompt as it was typed.
    namespace : mapping
        The user's variables.

    Raises
    ------
    UsageError
        A name, attribute or item does not exist (with the nearest that does), the user's class fails to give it
        or to format it, or a field is a call.
    """
    filled: list[Filled] = []
    problems: dict[str, None] = {}

    def fill(match: re.Match[str]) -> str:
        field = _field(match["body"])
        if field is None:
            return match[0]
        if match["escape"]:
            return match[0][1:]
        if isinstance(field, str):
            problems[field] = None
            return match[0]
        try:
            done = _fill(field, namespace)
        except UsageError as error:
            problems[str(error)] = None
            return match[0]
        filled.append(done)
        return done.text

    result = _FIELD.sub(fill, text)
    if problems:
        raise UsageError(
            f"{' '.join(problems)} Nothing was sent. "
            "(To send double braces as they are, write `\\{{`, or add `--raw` for all of them.)"
        )
    return Prompt(result, tuple(filled))


def named_value(field: str, namespace: Mapping[str, Any]) -> Any:
    """Return what ``{{ name.attribute[0] }}`` names, by the same rules as in a prompt.

    Raises
    ------
    UsageError
        It names nothing, or is a call.
    """
    match = _FIELD.fullmatch(field.strip())
    found = None if match is None else _field(match["body"])
    if isinstance(found, _Field) and not (found.conversion or found.spec):
        return _value(found.tree, namespace)
    raise UsageError(
        found if isinstance(found, str) else f"{field} names nothing: write {{{{name}}}}, as in a prompt."
    )


def _field(body: str) -> _Field | str | None:
    """Return what stands between double braces: a field, why an expression is none, or None when it is text."""
    expression, conversion, spec = _split(body.strip())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes that Python does not know, as in "\alpha"
            tree = ast.parse(expression, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    if conversion in ("", *_CONVERSIONS) and _is_name(tree):
        return _Field(expression, tree, conversion, spec)
    if conversion in ("", *_CONVERSIONS) and _SPEC.fullmatch(spec) and not isinstance(tree, _DATA):
        return (
            f"{{{{ {expression} }}}} is an expression, but a prompt computes nothing: it takes names with public "
            "attributes and items. Assign the result to a variable first, and name that."
        )
    return None


def _split(body: str) -> tuple[str, str, str]:
    """Split ``expression!r:spec`` at the marks that stand outside of brackets and quotes."""
    depth, quote = 0, ""
    for at, char in enumerate(body):
        if quote:
            quote = "" if char == quote else quote
        elif char in _QUOTES:
            quote = char
        elif char in _OPENING or char in _CLOSING:
            depth += 1 if char in _OPENING else -1
        elif depth == 0 and char in "!:":
            conversion, _, spec = body[at + 1 :].partition(":") if char == "!" else ("", ":", body[at + 1 :])
            return body[:at].strip(), conversion.strip() or ("-" if char == "!" else ""), spec
    return body, "", ""


def _is_name(tree: ast.expr) -> bool:
    """Tell whether an expression is a name with public attributes, items, slices, or calls of such."""
    match tree:
        case ast.Name(id=name):
            return not name.startswith("_")
        case ast.Attribute(value=value, attr=attr):
            return not attr.startswith("_") and _is_name(value)
        case ast.Subscript(value=value, slice=index):
            return _is_name(value) and _is_index(index)
        case ast.Call(func=function):
            return _is_name(function)
    return False


def _is_index(tree: ast.expr) -> bool:
    match tree:
        case ast.Constant(value=value):
            return isinstance(value, (int, str, float, bytes))
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float())):
            return True
        case ast.Slice(lower=lower, upper=upper, step=step):
            return all(part is None or _is_index(part) for part in (lower, upper, step))
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            return all(_is_index(part) for part in parts)
    return _is_name(tree)


def _fill(field: _Field, namespace: Mapping[str, Any]) -> Filled:
    value = _value(field.tree, namespace)
    if any(int(number) > _MAX_SPEC_NUMBER for number in re.findall(r"\d+", field.spec)):
        raise UsageError(f"{field} asks for a width above {_MAX_SPEC_NUMBER}.")
    kind = class_name(value)
    if not field.conversion and not field.spec and is_picture(value):
        raise UsageError(
            f"{field} is an image ({kind}), but a prompt is text: attach it with `-a {{{{{field.expression}}}}}`."
        )
    try:
        text = _text(field, value)
    except Exception as error:  # the user's class may do anything
        raise UsageError(f"{field} cannot be formatted: its {kind} failed with {_told(error)}.") from error
    return Filled(field.expression, kind, text)


def _text(field: _Field, value: Any) -> str:
    if field.conversion:
        value = _CONVERSIONS[field.conversion](value)
    return format(value, field.spec) if field.spec else value_text(value)


def _value(tree: ast.expr, namespace: Mapping[str, Any]) -> Any:
    """Return what an expression names."""
    match tree:
        case ast.Name(id=name):
            return _named(name, namespace)
        case ast.Attribute(value=owner, attr=attr):
            return _attribute(_value(owner, namespace), attr, ast.unparse(owner))
        case ast.Subscript(value=owner, slice=index):
            return _item(_value(owner, namespace), _index(index, namespace), tree)
        case ast.Call():
            raise UsageError(
                f"{{{{ {ast.unparse(tree)} }}}} is a call, but a prompt calls no functions. "
                "Assign the result to a variable first, and name that."
            )
    raise AssertionError(ast.dump(tree))  # _is_name lets nothing else through


def _named(name: str, namespace: Mapping[str, Any]) -> Any:
    if name in namespace:
        return namespace[name]
    if hasattr(builtins, name):
        raise UsageError(
            f"{{{{ {name} }}}}: {name!r} is Python's own, and no variable of yours. Assign what you mean to a name "
            f"first, and name that."
        )
    raise UsageError(f"{{{{ {name} }}}}: {name!r} is not defined{_near(name, lambda: namespace)}")


def _attribute(owner: Any, attr: str, shown: str) -> Any:
    try:
        return getattr(owner, attr)
    except Exception as error:
        if isinstance(error, AttributeError) and inspect.getattr_static(owner, attr, None) is None:
            near = _near(attr, lambda: dir(owner))
            raise UsageError(f"{shown} has no attribute {attr!r}{near}") from None
        raise UsageError(f"{shown}.{attr} failed with {_told(error)}.") from error


def _item(owner: Any, index: Any, tree: ast.Subscript) -> Any:
    try:
        return owner[index]
    except Exception as error:
        shown = ast.unparse(tree)
        if isinstance(error, LookupError):
            raise UsageError(f"{shown} does not exist{_near(index, lambda: _keys(owner))}") from error
        raise UsageError(f"{shown} failed with {_told(error)}.") from error


def _keys(owner: Any) -> Iterable[Any]:
    keys: Iterable[Any] = owner.keys() if isinstance(owner, Mapping) else getattr(owner, "columns", ())
    return keys


def _index(tree: ast.expr, namespace: Mapping[str, Any]) -> Any:
    match tree:
        case ast.Slice(lower=lower, upper=upper, step=step):
            return slice(
                *(None if part is None else _index(part, namespace) for part in (lower, upper, step))
            )
        case ast.Tuple(elts=parts):
            return tuple(_index(part, namespace) for part in parts)
        case ast.List(elts=parts):
            return [_index(part, namespace) for part in parts]
        case ast.Constant() | ast.UnaryOp():
            return ast.literal_eval(tree)
    return _value(tree, namespace)


def _near(word: Any, known: Callable[[], Iterable[Any]]) -> str:
    try:
        names = [name for name in map(str, known()) if not name.startswith("_")]
        return did_you_mean(str(word), names) or "."
    except Exception:  # noqa: BLE001 - the user's class may fail to list its names, and the hint is optional
        return "."


def _told(error: Exception) -> str:
    return in_words(error).rstrip(".")
