"""Answers of a schema as frames: the same columns and dtypes whatever the rows are."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pandas as pd
import pytest

from langswarm_nb.analysis import data_df, export, import_sessions, turns_df
from langswarm_nb.analysis.answers.data_frames import _parsed, data_frame
from langswarm_nb.core.session import RequestFacts, SessionManager, SessionMessage, create_session_manager
from langswarm_nb.core.session.answers.answer_schema import AnswerSchema, schema_of
from langswarm_nb.core.session.answers.definition import Definition
from tests.support.storages import answer, question, record

ROW = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "age": {"type": ["integer", "null"]},
        "weight": {"type": "number"},
        "is_new": {"type": "boolean"},
        "size": {"enum": ["small", "large", "medium"]},
        "at": {"type": "string", "format": "date-time"},
        "day": {"type": "string", "format": "date"},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["name"],
}
ROWS = {"type": "array", "items": ROW}
ADA = {
    "name": "Ada", "age": 36, "weight": 60, "is_new": True, "size": "large",
    "at": "2024-01-02T03:04:05+01:00", "day": "1815-12-10", "tags": ["a", "b"],
}  # fmt: skip
DTYPES = {
    "name": "str", "age": "Int64", "weight": "float64", "is_new": "boolean", "size": "category",
    "at": "datetime64[us, UTC]", "day": "datetime64[us]", "tags": "object",
}  # fmt: skip
PLACES = ["session", "turn", "version", "model", "created_at", "session_id", "message_id"]


def dtypes(frame: pd.DataFrame) -> dict[str, str]:
    return {str(name): str(dtype).replace("string", "str") for name, dtype in frame.dtypes.items()}


@pytest.mark.parametrize(
    "datas", [[], [[]], [[ADA]], [[{"name": "x"}]], [[ADA, {"name": "y", "age": None}], []]], ids=str
)
def test_dtypes_come_from_the_schema(datas: list[Any]) -> None:
    """No rows, full rows and rows in which nearly all is missing have the same columns, in the schema's order."""
    frame = data_frame(schema_of(ROWS), datas)
    assert dtypes(frame) == DTYPES
    assert len(frame) == sum(map(len, datas))
    assert list(frame["size"].cat.categories) == ["small", "large", "medium"]


def test_values_are_those_of_the_answers() -> None:
    """Each in its column; moments in UTC, days as they are, what is nested as it came, what is missing as NA."""
    frame = data_frame(schema_of(ROWS), [[ADA, {"name": "Bob"}]])
    first = frame.iloc[0].to_dict()
    assert first == {
        **ADA,
        "at": pd.Timestamp("2024-01-02T02:04:05", tz="UTC"),
        "day": pd.Timestamp("1815-12-10"),
    }
    assert frame.iloc[1].drop("tags").isna().sum() == 6
    assert frame["tags"][1] is None


@pytest.mark.parametrize(
    "schema, data, dtype",
    [
        ({"type": "boolean"}, True, "boolean"),
        ({"enum": ["spam", "ham"]}, "ham", "category"),
        ({"type": "array", "items": {"type": "integer"}}, [1, 2], "Int64"),
        ({"type": "integer"}, 2**70, "object"),
        ({"type": "string", "format": "date-time"}, "99999-01-01", "datetime64[us, UTC]"),
    ],
)
def test_what_is_no_object_is_one_column(schema: dict[str, Any], data: Any, dtype: str) -> None:
    """It is called ``value``; a number that is too large stays what it is, a moment that is none is not a time."""
    frame = data_frame(schema_of(schema), [data])
    assert dtypes(frame) == {"value": dtype}
    if dtype.startswith("datetime"):
        assert frame["value"].isna().all()
    else:
        assert frame["value"].tolist() == (data if isinstance(data, list) else [data])


def fitting(schema: AnswerSchema, data: Any, **fields: Any) -> SessionMessage:
    facts = RequestFacts(
        "mock",
        "echo",
        schema_hash=schema.hash,
        data_json=json.dumps(data),
        details={"route": "prompt"},
        definition=Definition("schema", schema.name, schema.body),
    )
    return answer(json.dumps(data), request=facts, **fields)


PERSON = schema_of(
    {"type": "object", "properties": {"name": {"type": "string"}, "turn": {"type": "integer"}}}
)
PEOPLE = schema_of({"type": "array", "items": PERSON.json_schema})


@pytest.fixture
async def asked(tmp_path: Any) -> Any:
    async with create_session_manager("sqlite", {"db_path": tmp_path / "s.db"}) as manager:
        storage = manager.storage
        await storage.create_session(record("s", title="People"))
        people = [{"name": "Ada", "turn": 7}, {"name": "Bob"}]
        chain = [question("1"), fitting(PEOPLE, people), question("2"), fitting(PERSON, {"name": "Eve"})]
        chain += [question("3"), fitting(PEOPLE, []), question("4"), answer("plain"), question("5")]
        await storage.append_messages("s", [*chain, fitting(PEOPLE, [{"name": "Zoe"}])])
        yield manager


def test_answers_of_a_schema_are_found_in_conversations(asked: SessionManager) -> None:
    """A row for each object, then where it is; where the schema has that name, the place has another."""
    frame = data_df(PEOPLE, asked)
    assert list(frame.columns) == ["name", "turn", *(f"answer_{n}" if n == "turn" else n for n in PLACES)]
    assert frame["name"].tolist() == ["Ada", "Bob", "Zoe"]
    assert frame["turn"].tolist() == [7, pd.NA, pd.NA]
    assert frame["answer_turn"].tolist() == [0, 0, 4]
    assert set(frame["session"]) == {"People"}
    assert data_df(PERSON.json_schema, asked)["name"].tolist() == ["Eve"]


async def test_no_answer_is_a_frame_of_the_same_columns(asked: SessionManager) -> None:
    """From a store, a session or nothing at all, by function or method."""
    session = await asked.get_session("s")
    assert session is not None
    wanted = dtypes(data_df(PEOPLE, asked))
    for frame in (data_df(PEOPLE, []), asked.data_df(PEOPLE, since="2100-01-01"), session.data_df(PEOPLE)):
        assert dtypes(frame) == wanted
    assert len(session.data_df(PEOPLE)) == 3
    assert dtypes(data_df(ROWS, asked)) == {
        **DTYPES,
        **{name: wanted[f"answer_{name}"] if name == "turn" else wanted[name] for name in PLACES},
    }


def test_requests_tell_their_schema(asked: SessionManager) -> None:
    """Which it was, how it was asked for, and the value, beside tokens and seconds."""
    frame = turns_df(asked, columns=["route", "schema_hash", "data_json"])
    assert frame["schema_hash"].tolist()[:2] == [PEOPLE.hash, PERSON.hash]
    assert frame["route"].astype(object).fillna("").tolist() == ["prompt", "prompt", "prompt", "", "prompt"]
    assert json.loads(frame["data_json"][1]) == {"name": "Eve"}
    assert frame.isna().loc[3].all()
    assert list(frame["route"].cat.categories) == ["strict", "tool", "prompt"]


@pytest.mark.parametrize("form", ["jsonl", "json", "ipynb"])
async def test_schemas_come_back_from_an_export(asked: SessionManager, tmp_path: Any, form: str) -> None:
    """An exported conversation is imported with its answers, their values and their schemas."""
    export(asked, tmp_path / f"out.{form}")
    async with create_session_manager("memory") as other:
        import_sessions(tmp_path / f"out.{form}", other, user_id="ada")
        pd.testing.assert_frame_equal(
            data_df(PEOPLE, other)[["name", "turn"]], data_df(PEOPLE, asked)[["name", "turn"]]
        )
        [found] = await other.list_user_sessions("ada")
        assert set((await other.storage.read_definitions(found.key)).values()) == {
            Definition("schema", one.name, one.body) for one in (PEOPLE, PERSON)
        }


async def test_an_export_of_one_session_has_its_schemas(asked: SessionManager) -> None:
    """Once each, in the line of the session."""
    session = await asked.get_session("s")
    assert session is not None
    text = await session.export()
    assert text.count("properties") == 2
    assert {one["name"] for one in json.loads(text.splitlines()[0])["definitions"]} == {
        PERSON.name,
        PEOPLE.name,
    }


@pytest.mark.parametrize(
    "kind, value, expected",
    [
        ({"type": "number"}, 10**400, None),
        ({"type": "integer"}, -(2**63), -(2**63)),
        ({"type": "string", "format": "date"}, "9999-12-31", pd.Timestamp(9999, 12, 31)),
        ({"type": "string", "format": "date"}, "0001-01-01", pd.Timestamp(1, 1, 1)),
        ({"type": "string", "format": "date-time"}, "0001-01-01T00:00:00+14:00", None),
        ({"type": "string", "format": "date-time"}, "2016-12-31T23:59:60Z", None),
        (
            {"type": "string", "format": "date-time"},
            "2024-01-02t03:04:05.123456789z",
            pd.Timestamp("2024-01-02T03:04:05.123456Z"),
        ),
        ({"type": ["string", "integer"]}, "only texts", "only texts"),
        ({"type": "array", "items": {"type": "string"}}, None, None),
    ],
)
def test_no_value_changes_a_dtype_or_breaks_the_frame(
    kind: dict[str, Any], value: Any, expected: Any
) -> None:
    """What a column can hold is there, also at the ends of the calendar; what it cannot hold is NA."""
    schema = schema_of({"type": "array", "items": {"type": "object", "properties": {"x": kind}}})
    frame = data_frame(schema, [[{"x": value}]])
    assert dtypes(frame) == dtypes(data_frame(schema, []))
    assert frame["x"].isna().item() if expected is None else frame["x"].item() == expected
    assert repr(frame)


def test_a_tuple_with_names_that_came_as_a_list_has_its_columns() -> None:
    """Both forms of it fit, and both are a row with its values."""
    schema = schema_of(NamedTuple("Pair", [("a", int), ("b", str)]))
    for text in ('{"a": 1, "b": "x"}', '[1, "x"]'):
        assert data_frame(schema, [schema.read(text)]).iloc[0].tolist() == [1, "x"]


@pytest.mark.parametrize(
    "told",
    [
        "nonsense",
        "null",
        "5",
        "[1, 2]",
        '[{"%s": 5}]',
        '[{"%s": {"a": [1]}}]',
        '[{"%s": NaN}]',
        '[{"%s": "\\ud800"}]',
    ],
)
def test_values_that_somebody_has_changed_in_an_import_change_no_dtype(told: str) -> None:
    """Of what does not fit its column is nothing there; all else stays."""
    schema = schema_of(ROWS)
    for name in DTYPES:
        data = _parsed(told.replace("%s", name))
        frame = data_frame(schema, [[ADA], data])
        assert dtypes(frame) == DTYPES
        assert frame["name"][0] == "Ada"
        assert len(frame) == 1 + (len(data) if isinstance(data, list) else 1)
