"""Tab: what is offered where, in the shell that asks."""

from __future__ import annotations

import warnings

import pytest
from IPython.core import completer
from IPython.core.completer import provisionalcompleter

from tests.support.shells import running_shell

offers_ours = pytest.mark.skipif(
    not hasattr(completer, "context_matcher"), reason="needs the matchers of IPython 8.6"
)


class Thing:
    """Something with an attribute."""

    size = 1


@pytest.fixture(scope="module")
def shell():
    """Return a shell with two sessions, an alias, a branch and some variables."""
    with running_shell(store="memory", session="default") as shell:
        shell.run("%%langswarm -q\nHi")
        shell.run("%langswarm fork 0 other")
        shell.run("%langswarm new work")
        shell.run("%langswarm switch default")
        shell.run("%langswarm alias quick mock:script")
        shell["thing"] = Thing()
        yield shell


def offered(shell, text):
    """Return what the text can become, each as the whole text."""
    with provisionalcompleter(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = list(shell.ipython.Completer.completions(text, len(text)))
    return [text[: each.start] + each.text for each in found]


@offers_ours
def test_what_can_be_attached_is_offered(shell, tmp_path, monkeypatch):
    """Files and folders, variables within braces, outputs of cells."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plot one.png").touch()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "table.csv").touch()
    assert offered(shell, "%%langswarm -a da") == ["%%langswarm -a data/"]
    assert offered(shell, "%%langswarm -a data/t") == ["%%langswarm -a data/table.csv"]
    assert offered(shell, "%%langswarm -a {{thin") == ["%%langswarm -a {{thing"]
    assert "%%langswarm -a {{thing}}" in offered(shell, "%%langswarm -a ")


@offers_ours
def test_what_describes_an_answer_is_offered(shell, tmp_path, monkeypatch):
    """Types and dicts of the user's within braces, folders, and files of JSON alone."""
    monkeypatch.chdir(tmp_path)
    for name in ("person.json", "person.txt"):
        (tmp_path / name).touch()
    shell["Kind"], shell["kinds"], shell["shape"], shell["number"] = Thing, list[Thing], {"type": "object"}, 3
    before = "%%langswarm --schema "
    found = {text.removeprefix(before) for text in offered(shell, before)}
    assert {"{{Kind}}", "{{kinds}}", "{{shape}}", "person.json"} <= found
    assert not {"{{thing}}", "{{number}}", "{{Out}}", "person.txt"} & found
    assert offered(shell, f"{before}per") == [f"{before}person.json"]


@offers_ours
@pytest.mark.parametrize(
    "text, words",
    [
        ('--schema "name, age in', "int"),
        ("--schema '[name, born da", "date datetime"),
        ('--schema "parts [{a, n in', "int"),
        ('--schema "name ', "bool date datetime float int str"),
        ('--decide "urgent bo', "bool"),
        ('--decide "urgent in', ""),
        ('--schema "name, ag', ""),
        ('-s "be brief ', ""),
        ('--schema "name, age int" mock:sc', "mock:script"),
    ],
)
def test_within_quotes_types_are_offered(shell, text, words):
    """Behind the name of a field, in whatever it stands; nothing of ours, such as models, in other text."""
    text = f"%%langswarm {text}"
    start = text[: len(text) - len(text.split(" ")[-1])]
    found = {each.removeprefix(start) for each in offered(shell, text)}
    assert set(words.split()) <= found
    assert not {"mock:echo", "--schema"} & found


@offers_ours
@pytest.mark.parametrize(
    "text, word",
    [
        ("%langswarm se", "search sessions setup"),
        ("x = 1\n%langswarm vers", "versions version"),
        ("%langswarm help fo", "fork"),
        ("%langswarm use mock:e", "mock:echo mock:error"),
        ("%langswarm use qu", "quick"),
        ("%langswarm switch w", "work"),
        ("%langswarm branch o", "other"),
        ("%langswarm show -", "--all -n"),
        ("%langswarm df me", "messages metrics"),
        ("%langswarm key gro", "groq"),
        ("%langswarm alias fast mock:sl", "mock:slow"),
        ("%langswarm chat w", "work"),
        ("%langswarm export notes.md -S wo", "work"),
        ("%langswarm retry -m mock:sl", "mock:slow"),
        ("%langswarm cost --by d", "day"),
        ("%langswarm ask about {{ thin", "thing"),
        ("%%langswarm mock:sc", "mock:script"),
        ("%%langswarm -m qui", "quick"),
        ("%%langswarm -o k v mock:sl", "mock:slow"),
        ("%%langswarm answer << qui", "quick"),
        ("%%langswarm --temp", "--temperature"),
        ("%%langswarm -S wo", "work"),
        ("%%langswarm -b ot", "other"),
        ("%%langswarm -f js", "json"),
        ("%%langswarm -a ce", "cell"),
        ("%%langswarm --detail l", "low"),
        ("%%langswarm -T web_s", "web_search"),
        ("%%langswarm\ntext {{thin", "thing"),
        ("%%langswarm\ntext {{ thing.si", "size"),
    ],
)
def test_what_fits_is_offered(shell, text, word):
    """Each place offers its own: commands, flags, models, sessions, branches, choices, variables."""
    start = text[: len(text) - len(text.replace("{{", " ").replace(".", " ").split()[-1])]
    assert offered(shell, text) == [start + each for each in sorted(word.split())]


@offers_ours
def test_private_names_are_not_offered(shell):
    """Inside of `{{` only what may be filled in is offered."""
    assert offered(shell, "%%langswarm\n{{ thing.") == ["%%langswarm\n{{ thing.size"]


@pytest.mark.unmeasured
def test_other_text_is_left_to_ipython(shell):
    """In Python code, and in prompts outside of `{{`, nothing of ours is in the way."""
    assert "print" in offered(shell, "prin")
    assert "thing.size" in offered(shell, "thing.si")


def test_the_extension_loads_in_an_ipython_without_such_matchers(monkeypatch):
    """IPython before 8.6, which Colab has, gets everything but what Tab offers."""
    monkeypatch.delattr(completer, "context_matcher", raising=False)
    monkeypatch.delattr(completer, "CompletionContext", raising=False)
    with running_shell(store="memory") as shell:
        assert shell.run("%%langswarm -q\nHi").status == "ok"


@offers_ours
@pytest.mark.parametrize(
    "text, type",
    [
        ("%langswarm sea", "command"),
        ("%langswarm show -", "flag"),
        ("%langswarm use mock:e", "model"),
        ("%langswarm key gro", "provider"),
        ("%langswarm switch w", "session"),
        ("%langswarm branch o", "branch"),
        ("%langswarm cost --by d", "value"),
        ("%%langswarm\ntext {{thin", "variable"),
        ("%%langswarm\ntext {{ thing.si", "attribute"),
    ],
)
def test_what_is_offered_says_what_it_is(shell, text, type):
    """A front end shows beside each word whether it is a command, a model, a session and so on."""
    with provisionalcompleter(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert {each.type for each in shell.ipython.Completer.completions(text, len(text))} == {type}
