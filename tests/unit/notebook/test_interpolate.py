"""`{{ … }}` in a prompt: what is filled in, what stays text, what is refused."""

from __future__ import annotations

import warnings
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.error import UsageError

from langswarm_nb.core.session import SessionMessage
from langswarm_nb.notebook.asking.interpolate import interpolate
from langswarm_nb.notebook.asking.value_text import MAX_CHARS

NAMES = {
    "name": "Ada",
    "x": 3.14159,
    "n": 2,
    "items": [1, 2, 3],
    "table": {"key": {"deep": "found"}, 5: "five"},
    "thing": SimpleNamespace(size=7, label="it's", _secret="hidden"),
    "again": "{{ name }}",
    "grid": np.arange(6).reshape(2, 3),
}


@pytest.mark.parametrize(
    "text, expected",
    [
        ("Hi {{ name }}!", "Hi Ada!"),
        ("{{name}}{{name}}", "AdaAda"),
        ("{{ name!r }}", "'Ada'"),
        ("{{ x:.2f }}", "3.14"),
        ("{{ name!r:>7 }}", "  'Ada'"),
        ("{{ items[0] }} {{ items[-1] }} {{ items[1:] }} {{ items[::2] }}", "1 3 [2, 3] [1, 3]"),
        ("{{ items[n] }}", "3"),
        ("{{ table['key']['deep'] }} {{ table[5] }}", "found five"),
        ("{{ thing.size }} {{ thing.label }}", "7 it's"),
        ("{{ grid[1, 2] }}", "5"),
        ("{{ items }}", "[1, 2, 3]"),
        ('{{"name": "{{ name }}"}}', '{{"name": "Ada"}}'),
    ],
)
def test_names_attributes_items_and_slices_are_filled_in(text, expected):
    """A field names something, with an optional conversion and format."""
    assert interpolate(text, NAMES).text == expected


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1, "b": {"c": {}}}',
        r"\frac{1}{2} \sqrt{x}",
        "costs $name or ${name} or {name}",
        "{{ 1 }} {{ 'text' }} {{}} {{ }}",
        '{{"a": true}} {{[1, null]}} {{a, b}}',
        "{{ lambda: name }}",
        "{{ name",
        "name }}",
        "{{ na\nme }}",
        "{%raw%}{{#each items}}{{/each}}",
        "{{{name}}",
        r"\{{ not an expression }}",
    ],
)
def test_everything_else_is_text(text):
    """Single braces, LaTeX, JSON, templates of other tools and private names stay as they are."""
    assert interpolate(text, NAMES).text == text


@pytest.mark.parametrize(
    "expression",
    [
        "name | upper",
        "x + 1",
        "not x",
        "x if n else 0",
        "[name for name in items]",
        "__import__",
        "_",
        "thing._secret",
        "name.__class__",
        "items[x + 1]",
        "x + 1:.2f",
        "x + 1:>8,.0f",
        "x * 2!r",
        "x / n!s:>5",
    ],
)
def test_an_expression_is_refused_with_the_way_out(expression):
    """What looks like an expression and is no name is not sent as text; a backslash sends it so."""
    with pytest.raises(UsageError, match=r"is an expression.*variable first.*`\\\{\{`"):
        interpolate(f"{{{{ {expression} }}}}", NAMES)
    assert interpolate(rf"\{{{{ {expression} }}}}", NAMES).text == f"{{{{ {expression} }}}}"


def test_a_backslash_keeps_a_field_literal():
    r"""`\{{ name }}` stands for `{{ name }}`."""
    assert interpolate(r"\{{ name }} and {{ name }}", NAMES).text == "{{ name }} and Ada"


def test_text_that_was_filled_in_is_not_looked_at_again():
    """One pass: a value that looks like a field stays as it is."""
    assert interpolate("{{ again }}", NAMES).text == "{{ name }}"


@pytest.mark.parametrize("text", ["{" * 1_000_000, "{{ x " * 200_000, "{{ n" + ".n" * 1000 + " }}"])
def test_a_megabyte_of_braces_is_text(text):
    """A prompt full of braces is read in a moment, and is no field."""
    assert interpolate(text, NAMES).text == text


def test_a_field_that_is_text_warns_of_nothing():
    """TeX in quotes is not a mistake in the user's Python."""
    text = r"{{ '\alpha \d' }}"
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        assert interpolate(text, NAMES).text == text
    assert not seen


@given(st.text(alphabet="{} \\abn.[]()0'!:$"))
def test_any_text_is_kept_or_refused(text):
    """No text makes the interpolation fail in another way than a `UsageError`."""
    try:
        filled = interpolate(text, NAMES)
    except UsageError:
        return
    if "{{" not in text:
        assert filled.text == text


@pytest.mark.parametrize(
    "text, complaint",
    [
        ("{{ nmae }}", "'nmae' is not defined, did you mean name?"),
        ("{{ thing.szie }}", "thing has no attribute 'szie', did you mean size?"),
        ("{{ table['kez'] }}", "table['kez'] does not exist, did you mean key?"),
        ("{{ items[9] }}", "items[9] does not exist"),
        ("{{ n[0] }}", "n[0] failed with TypeError"),
        ("{{ name:.2f }}", "cannot be formatted"),
        ("{{ x:999999999 }}", "width above"),
        ("{{ name.upper() }}", "is a call"),
        ("{{ print(name) }}", "Assign the result to a variable first"),
    ],
)
def test_what_cannot_be_filled_in_is_refused(text, complaint):
    """The error says what is wrong, and what is near."""
    with pytest.raises(UsageError) as caught:
        interpolate(text, NAMES)
    assert complaint in str(caught.value)
    assert "Nothing was sent" in str(caught.value)


def test_all_that_is_wrong_is_told_at_once():
    """Two mistakes need one correction."""
    with pytest.raises(UsageError, match=r"'a1' is not defined.*'b1' is not defined"):
        interpolate("{{ a1 }} {{ b1 }} {{ a1 }}", NAMES)


def test_a_call_does_not_run():
    """Nothing in a prompt is called, also not inside of an index."""
    called = []
    names = {"f": lambda: called.append(1), "items": [1]}
    for text in ("{{ f() }}", "{{ items[f()] }}"):
        with pytest.raises(UsageError):
            interpolate(text, names)
    assert called == []


def test_a_frame_is_a_table_of_its_first_rows():
    """Shape, dtypes and 20 rows as a Markdown table; what would break the table is escaped."""
    frame = pd.DataFrame({"city": ["a|b\nc"] * 30, "n": range(30)})
    text = interpolate("{{ frame }}", {"frame": frame}).text
    assert text.startswith("DataFrame: 30 rows x 2 columns (the first 20 rows follow)\ndtypes: city: ")
    lines = text.split("\n\n")[1].split("\n")
    assert lines[:3] == ["| city | n |", "| --- | --- |", r"| a\|b c | 0 |"]
    assert len(lines) == 22


def test_a_series_and_an_array_are_shown_with_their_types():
    """A series is a table of one column, an array says its shape."""
    series = pd.Series([1.5, 2.25], index=["a", "b"], name="score")
    text = interpolate("{{ s }} {{ a }} {{ g }}", {"s": series, "a": np.arange(3), "g": NAMES["grid"]}).text
    assert "Series score: 2 rows, dtype float64\n\n|  | score |\n| --- | --- |\n| a | 1.5 |" in text
    long = interpolate("{{ s }}", {"s": pd.Series(range(30))}).text
    assert long.startswith("Series: 30 rows, dtype int64 (the first 20 rows follow)")
    assert long.endswith("| 19 |")
    assert "array: shape 3, dtype int64\n\n0, 1, 2" in text
    assert "array: shape 2 x 3, dtype int64\n\n| 0 | 1 | 2 |" in text


def test_a_long_repr_is_cut_and_says_so():
    """Other values are their repr, at most 4,000 characters of it; text is never cut."""
    assert interpolate("{{ big }}", {"big": list(range(10_000))}).text.endswith(
        f"({len(repr(list(range(10_000)))) - MAX_CHARS:,} characters left out)"
    )
    assert interpolate("{{ long }}", {"long": "x" * 10_000}).text == "x" * 10_000


def test_what_was_filled_in_is_known():
    """Each field is told with its type and text."""
    [field] = interpolate("{{ items[0] }}", NAMES).fields
    assert (field.expression, field.kind, field.text) == ("items[0]", "int", "1")


class Liar(type):
    """A metaclass that tells another name of its classes."""

    __name__ = property(lambda _: "str")


class Broken(metaclass=Liar):
    """A value whose every method fails."""

    def fail(self, *_):
        raise RuntimeError("half\nloaded.")

    __repr__ = __str__ = __format__ = __getitem__ = __dir__ = fail
    secret = property(fail)

    @property
    def lazy(self):
        return getattr(self, "missing_part")  # noqa: B009 - which no type checker looks for


class Masked:
    """A value that does not tell its class."""

    __class__ = property(Broken.fail)


class Speechless(dict[str, str]):
    """A mapping that fails to tell its keys, with an error that fails to tell itself."""

    class Error(Exception):
        def __str__(self):
            raise ValueError

    def fail(self):
        raise self.Error

    keys = __repr__ = fail


BROKEN = {
    "a": np.array([Broken()]),
    "b": Broken(),
    "f": pd.DataFrame({"n": [Broken()]}),
    "m": Masked(),
    "s": Speechless(),
}


@pytest.mark.parametrize(
    "field, complaint",
    [
        *(
            (
                f"b{how}",
                f"{{{{ b{how} }}}} cannot be formatted: its Broken failed with RuntimeError: half loaded.",
            )
            for how in ("", "!r", "!s", "!a", ":>9", "!r:>9")
        ),
        ("b.secret", "b.secret failed with RuntimeError: half loaded."),
        ("b[0]", "b[0] failed with RuntimeError: half loaded."),
        ("b.nothing", "b has no attribute 'nothing'."),
        ("b.lazy", "b.lazy failed with AttributeError: 'Broken' object has no attribute 'missing_part'."),
        ("m", "{{ m }} cannot be formatted: its Masked failed with RuntimeError: half loaded."),
        ("s", "{{ s }} cannot be formatted: its Speechless failed with Error."),
        ("s['k']", "s['k'] does not exist."),
        ("s[b]", "s[b] does not exist."),
        ("f", "{{ f }} cannot be formatted: its DataFrame failed with RuntimeError: half loaded."),
        ("f.n", "{{ f.n }} cannot be formatted: its Series failed with RuntimeError: half loaded."),
        ("f[b]", "f[b] does not exist."),
        ("a", "{{ a }} cannot be formatted: its ndarray failed with RuntimeError: half loaded."),
    ],
)
def test_what_a_class_of_the_users_fails_to_do_is_told(field, complaint):
    """Expression, class and error are named, whatever else of the class fails too; nothing is sent."""
    with pytest.raises(UsageError) as caught:
        interpolate(f"{{{{ {field} }}}}", BROKEN)
    assert str(caught.value).startswith(f"{complaint} Nothing was sent.")


def test_floats_of_frames_keep_their_value():
    """The shortest text that reads back equal."""
    frame = pd.DataFrame({"x": [12345678901.23, 0.1, 1e22]})
    assert "| 12345678901.23 |\n| 0.1 |\n| 1e+22 |" in interpolate("{{ frame }}", {"frame": frame}).text


def test_replies_and_lists_of_them_fill_in_as_their_texts():
    """Also messages; other lists stay lists."""
    messages = [SessionMessage(content="One"), SessionMessage(content="Two")]
    names = {"one": messages[0], "both": messages, "mixed": [messages[0], 1], "none": []}
    assert interpolate("{{ one }}, {{ both }}, {{ none }}", names).text == "One, One\n\nTwo, []"
    assert "SessionMessage" in interpolate("{{ mixed }}", names).text
