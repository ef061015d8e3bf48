"""Answers that are values, in cells: how they are asked for, what the reply holds, what is told of others."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

import pandas as pd
import pytest

from langswarm_nb.core.session.messages import FinishReason, Usage
from langswarm_nb.core.session.provider_events import Delta, Finish
from langswarm_nb.notebook.bridge import run_sync
from langswarm_nb.notebook.panel.rules import WorkspaceRules
from langswarm_nb.notebook.panel.widget import ChatPanel
from langswarm_nb.notebook.showing.transcript import messages_html
from tests.support.sent import Notebook

SCHEMA = {
    "title": "Person",
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
ANN: dict[str, Any] = {"name": "Ann", "age": 3}
BO: dict[str, Any] = {"name": "Bo", "age": 4}


@dataclass
class Person:
    """A type of the user's."""

    name: str
    age: int


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def text(data: Any) -> str:
    return json.dumps(data)


def asked(notebook: Notebook) -> dict[str, Any]:
    """Return the JSON schema that the service got last."""
    schema = notebook.service.requests[-1].schema
    assert schema is not None
    return dict(schema.schema)


def reply_of(notebook: Notebook, code: str, cell: str = "z") -> Any:
    ran = notebook.run(code, cell)
    assert ran.error is None, ran.complaint
    return ran.result


def test_a_line_a_variable_and_a_file_describe_the_same(notebook, folder):
    """Whichever way a cell says it, the service is asked for the same, and the reply holds a dict."""
    (folder / "person.json").write_text(text(SCHEMA))
    notebook.shell["Person"] = SCHEMA
    for word in ('"name, age int"', "{{Person}}", "person.json", "{{ box['a'] }}"):
        notebook.shell["box"] = {"a": Person}
        notebook.answers(text(ANN))
        reply = reply_of(notebook, f"%%langswarm groq:house --schema {word}\nWho?", word)
        assert set(asked(notebook)["properties"]) == {"name", "age"}
        assert reply.data == (Person(**ANN) if "box" in word else ANN)
        assert reply.route == "prompt"
        assert "schema by the prompt" in reply.footer


def test_a_function_takes_types(notebook):
    """Each becomes the schema, and the data is an instance of it."""
    import langswarm_nb as ls

    class Rating(TypedDict):
        stars: int

    for schema, said, value in [
        (Person, ANN, Person("Ann", 3)),
        (list[Person], {"items": [ANN, BO]}, [Person("Ann", 3), Person("Bo", 4)]),
        (Rating, {"stars": 4}, {"stars": 4}),
        (Literal["good", "bad"], {"value": "bad"}, "bad"),
        (bool, {"value": True}, True),
        (SCHEMA, ANN, ANN),
        ("[name, age int]", {"items": [BO]}, [BO]),
    ]:
        notebook.answers(text(said))
        notebook.shell["schema"] = schema
        reply: Any = ls.ask("Who?", "groq:house", schema=schema, show=False)
        assert reply.data == value
        assert len(reply.data_df()) == (len(value) if isinstance(value, list) else 1)


def test_the_data_is_a_frame(notebook):
    """A row for each object, dtypes from the schema, also of none."""
    notebook.shell["People"] = {"type": "array", "items": SCHEMA}
    notebook.answers(text({"items": [ANN, BO]}), text({"items": []}))
    two = reply_of(notebook, "%%langswarm groq:house --schema {{People}}\nWho?", "a").data_df()
    none = reply_of(notebook, "%%langswarm groq:house --schema {{People}}\nAnd?", "b").data_df()
    assert two["age"].tolist() == [3, 4]
    assert (len(none), dict(none.dtypes)) == (0, dict(two.dtypes))
    assert two["age"].dtype == pd.Int64Dtype()


def test_an_answer_that_does_not_fit_is_asked_for_again(notebook):
    """The footer counts the attempts, and price and tokens are those of all of them."""
    notebook.shell["Person"] = SCHEMA
    notebook.answers(text({"name": "Ann", "age": "x"}), text(ANN))
    reply = reply_of(notebook, "%%langswarm groq:llama-3.3-70b-versatile --schema {{Person}}\nWho?")
    assert reply.data == ANN
    assert reply.attempts == 2
    assert "2 attempts" in reply.footer
    [first] = reply.attempts_before
    assert json.loads(first.content)["age"] == "x"
    [before, last] = [each.request.usage.input_tokens for each in (first, reply.message)]
    assert f"{before + last}→" in reply.footer
    paid = notebook.shell.workspace.spent_usd
    assert reply.cost_usd == pytest.approx(paid)


def test_an_answer_that_never_fits_is_kept(notebook):
    """The cell fails with what is wrong, the text stays in the conversation, and the step is one of a cell."""
    notebook.shell["Person"] = SCHEMA
    notebook.answers(text({"name": "Ann", "age": "x"}), "no JSON")
    ran = notebook.run("%%langswarm groq:house --schema {{Person}} --repair 0\nWho?", "z")
    assert type(ran.error).__name__ == "AnswerInvalidError"
    assert ran.error.problems[0].startswith("$.age")
    assert "age" in ran.error.text
    assert len(notebook.service.requests) == 1
    assert "It does not fit the schema: 1 problem" in ran.stdout
    session = run_sync(notebook.shell.workspace.current())
    assert run_sync(session.get_messages(role="assistant"))[-1].content == ran.error.text


def test_a_cut_answer_tells_the_numbers(notebook):
    """What was allowed, and how to allow more; nothing more is asked."""
    notebook.shell["Person"] = SCHEMA
    cut = [Delta('{"name": "Ann", "ag'), Usage(output_tokens=7), Finish(FinishReason.LENGTH, "length")]
    notebook.answers(cut)
    ran = notebook.run("%%langswarm groq:house --schema {{Person}} --max-tokens 7\nWho?", "z")
    assert type(ran.error).__name__ == "AnswerTruncatedError"
    assert "max_tokens is 7" in str(ran.error)
    from langswarm_nb.notebook.cell_errors import cell_words

    assert "`--max-tokens N`" in cell_words(ran.error)
    assert len(notebook.service.requests) == 1


def test_what_is_asked_again_is_asked_with_the_same_schema(notebook):
    """By the reply, by a command, in other words in the panel; the type stays where it is known."""
    notebook.shell["Person"] = Person
    notebook.answers(text(ANN), text(BO), text(ANN), text(BO))
    reply = reply_of(notebook, "%%langswarm groq:house --schema {{Person}}\nWho?")
    assert run_sync(reply.retry()).data == Person("Bo", 4)
    assert reply_of(notebook, "%langswarm retry").data == ANN
    question = run_sync(run_sync(notebook.shell.workspace.current()).get_messages(role="user"))[-1]
    came = notebook.panel("edit", id=question.id, text="Who else?")
    assert [json.loads(each.request.data_json) for each in came.replies] == [BO]


def test_models_are_compared_by_the_same_schema(notebook):
    """Each answer is a value, and asking the comparison again keeps the schema."""
    notebook.shell["Person"] = SCHEMA
    notebook.answers(*[text(ANN)] * 4)
    both = reply_of(notebook, "%%langswarm -m groq:a,groq:b --schema {{Person}}\nWho?")
    assert [each.data for each in both] == [ANN, ANN]
    again = reply_of(notebook, "%langswarm retry")
    assert [each.data for each in again] == [ANN, ANN]


def test_decisions_stand_beside_the_conversation(notebook):
    """Offline with probabilities; a model that tells none is asked by a schema, and the footer says so."""
    line = '--decide "spam bool: is it advertising?, topic billing|bug"'
    reply = reply_of(notebook, f"%%langswarm mock:echo {line}\nBuy now!", "a")
    assert reply.message.is_aside
    assert 0 <= reply.data["spam"] <= 1
    assert set(reply.data_df().columns) >= {"spam", "topic", "topic_p"}
    notebook.answers(text({"spam": True, "topic": "bug"}))
    told = reply_of(notebook, f"%%langswarm groq:house {line}\nBuy now!", "b")
    assert told.data["spam_value"] is True
    assert told.data["topic_p"] is None
    assert "no probabilities" in told.footer
    assert list(told.data_df().columns) == list(reply.data_df().columns)


@pytest.mark.parametrize(
    "line, words",
    [
        ("--schema no.json", "there is no such file in"),
        ("--schema broken.json", "is not JSON"),
        ("--schema list.json", "holds a list, and a JSON schema is an object"),
        ("--schema folder.json", "cannot be read"),
        ("--schema Person", "The variable goes as --schema {{Person}}"),
        ("--schema {{Nobody}}", "'Nobody' is not defined"),
        ("--schema {{number}}", "schema must be"),
        (
            "--schema {{list[Person]}}",
            "'list' is Python's own, and no variable of yours. Assign what you mean",
        ),
        ("--schema {{fields}}", "Any answer would fit the schema"),
        ("--schema {{types}}", 'write them in one line, as in "name, age int"'),
        ("--repair 1", "add --schema"),
        ("--schema name --repair x", "is not a count"),
        ("--schema name --decide spam", "not allowed with"),
        ('--decide "spam whatever"', "expected bool, choices"),
    ],
)
def test_what_describes_nothing_is_refused(notebook, folder, line, words):
    """The error names what is wrong, and nothing was stored or sent."""
    (folder / "broken.json").write_text('{"type": ')
    (folder / "list.json").write_text("[]")
    (folder / "folder.json").mkdir()
    notebook.shell["Person"], notebook.shell["number"] = Person, 3
    notebook.shell["fields"], notebook.shell["types"] = {"name": "str"}, {"name": str}
    before = notebook.trace()
    ran = notebook.run(f"%%langswarm groq:house {line}\nWho?", "z")
    assert words in ran.complaint
    assert notebook.trace() == before


@pytest.mark.parametrize("flag", ["--schema", "--decide"])
def test_a_list_without_quotes_asks_no_model_of_its_second_word(notebook, flag):
    """The words behind the first comma would be a model; the error shows how the line is meant."""
    ran = notebook.run(f"%%langswarm {flag} name, age\nWho?", "z")
    assert f'put all of it into quotes, {flag} "name, age"' in ran.complaint
    assert not notebook.service.requests


def test_a_dry_run_says_how_it_would_be_asked(notebook):
    """The route, the schema and about how many tokens it takes; nothing is sent."""
    notebook.shell["Person"] = SCHEMA
    shown = str(reply_of(notebook, "%%langswarm groq:house --schema {{Person}} --dry-run\nWho?"))
    assert '"age":{"type":"integer"}' in shown
    assert "Person by the route" in shown
    assert not notebook.service.requests


def test_a_panel_shows_the_answers_of_its_session_as_tables(notebook):
    """With the schema as a setting of the session, and with the JSON for those who copy the text."""
    session = run_sync(notebook.shell.workspace.current())
    run_sync(session.update_settings(provider="groq", model="house", schema="[name, age int]"))
    notebook.answers(text({"items": [ANN, BO]}), "no JSON", "still none")
    panel = ChatPanel(session, rules=WorkspaceRules(notebook.shell.workspace))
    came = notebook.panel("send", text="Who?")
    assert came.error == ""
    assert "schema by the prompt" in came.told
    failed = notebook.panel("send", text="And?")
    assert "AnswerInvalidError" in failed.error
    with closing(panel):
        run_sync(panel.feed.refresh())
        shown = [item for item in panel.transcript["messages"] if item["role"] == "assistant"]
    assert "lsnb-value" in shown[0]["html"]
    assert "<td" in shown[0]["html"]
    assert json.loads(shown[0]["text"]) == {"items": [ANN, BO]}
    assert "still none" in shown[-1]["html"]


def test_a_transcript_and_exports_show_what_was_answered(notebook, folder):
    """A table in pages, a block of JSON in Markdown."""
    import langswarm_nb as ls

    notebook.answers(text({"items": [ANN, {"name": "```\n# Bo", "age": 4}]}))
    reply_of(notebook, '%%langswarm groq:house --schema "[name, age int]"\nWho?')
    shown = reply_of(notebook, "%langswarm show")
    assert "lsnb-value" in messages_html("x", shown.messages)
    markdown = ls.export(ls.session(), format="md")
    block = markdown.partition("```json\n")[2].partition("\n```")[0]
    assert json.loads(block)[1]["name"] == "```\n# Bo"
    assert '<th scope="col">name</th>' in ls.export(ls.session(), format="html")
