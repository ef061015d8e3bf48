"""Types as schemas: what a model is asked for, what it becomes, and what is wrong with it."""

from __future__ import annotations

import enum
import json
import subprocess
import sys
from dataclasses import dataclass, field, make_dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple, NotRequired, Optional, TypedDict
from uuid import UUID

import jsonschema
import msgspec
import pydantic
import pytest

from langswarm_nb.core.session import (
    AnswerInvalidError,
    SchemaChoiceError,
    SchemaDefinitionError,
    SchemaRecursionError,
    SchemaTypeUnknownError,
    SessionTypeError,
    schema_of,
)
from langswarm_nb.core.session.answers.strict import strict_form


class Size(enum.Enum):
    """How large."""

    SMALL = "small"
    MEDIUM = "medium"
    LARGE = "large"


class Point(NamedTuple):
    """Where."""

    x: int
    y: float = 0.5
    label: str | None = None


@dataclass
class Book:
    """A book."""

    title: str
    pages: Annotated[int, msgspec.Meta(ge=1, description="without the cover")]
    genre: Literal["novel", "essay", "drama"]
    size: Size = Size.MEDIUM
    subtitle: Optional[str] = None  # noqa: UP045 - as people write it
    tags: list[str] = field(default_factory=list)


@dataclass
class Shelf:
    """With books on it."""

    books: list[Book]
    at: Point
    corners: dict[str, Point]
    route: list[Point | None] = field(default_factory=list)
    near: Shelf | None = None


class Person(TypedDict):
    name: str
    age: NotRequired[int]


class Struct(msgspec.Struct):
    name: str
    born: date


@dataclass
class Times:
    at: datetime
    ended: datetime | None
    all: list[datetime]
    day: date
    took: timedelta
    price: Decimal
    id: UUID
    raw: bytes
    zoned: Annotated[datetime, msgspec.Meta(tz=True)]


VALUES: list[tuple[Any, Any, Any]] = [
    (bool, True, True),
    (int, 3, 3),
    (float, 1, 1.0),
    (str, "a", "a"),
    (date, "2026-11-30", date(2026, 11, 30)),
    (datetime, "2026-11-30T10:00:00Z", datetime(2026, 11, 30, 10, tzinfo=UTC)),
    (Decimal, "1.10", Decimal("1.10")),
    (UUID, "6f4e2b8e-3f0e-4f52-9c79-4e6d1ad0a1f5", UUID("6f4e2b8e-3f0e-4f52-9c79-4e6d1ad0a1f5")),
    (bytes, "YQ==", b"a"),
    (int | None, None, None),
    (Literal["b", "a", 3], 3, 3),
    (Size, "large", Size.LARGE),
    (list[Size], ["large", "small"], [Size.LARGE, Size.SMALL]),
    (dict[str, int], {"a": 1}, {"a": 1}),
    (dict[int, str], {"1": "a"}, {1: "a"}),
    (tuple[int, str], [1, "a"], (1, "a")),
    (set[int], [1, 2], {1, 2}),
    (Person, {"name": "Ada"}, {"name": "Ada"}),
    (Struct, {"name": "Ada", "born": "1815-12-10"}, Struct("Ada", date(1815, 12, 10))),
    (Point, {"x": 1}, Point(1)),
    (Point, {"x": 1, "label": "here"}, Point(1, 0.5, "here")),
    (list[Point], [{"y": 2, "x": 1}], [Point(1, 2.0)]),
    (Point | None, {"x": 1}, Point(1)),
    (
        Book,
        {"title": "T", "pages": 3, "genre": "essay"},
        Book("T", 3, "essay"),
    ),
    (
        Shelf,
        {
            "books": [],
            "at": {"x": 1},
            "corners": {"a": {"x": 2, "y": 1.5}},
            "route": [None, {"x": 3}],
            "near": {"books": [], "at": {"x": 4}, "corners": {}},
        },
        Shelf([], Point(1), {"a": Point(2, 1.5)}, [None, Point(3)], Shelf([], Point(4), {})),
    ),
]


@pytest.mark.parametrize("given, data, value", VALUES, ids=lambda one: getattr(one, "__name__", None))
def test_an_answer_becomes_an_instance_of_the_type(given, data, value):
    """By every way a value is handed over; the JSON is what was answered, and fits the JSON schema too."""
    schema = schema_of(given)
    wrapped = {schema.key: data} if schema.key else data
    assert schema.read(json.dumps(wrapped)) == data
    made = schema.value_of(data)
    assert made == value
    assert type(made) is type(value)
    assert jsonschema.Draft202012Validator(schema.json_schema).is_valid(data)
    jsonschema.Draft202012Validator.check_schema(schema.asked)


def test_a_model_is_told_what_the_types_say():
    """Docstrings, descriptions and limits are there, and choices stand in the order in which they were written."""
    schema = schema_of(list[Book]).json_schema
    book = schema["$defs"]["Book"]
    assert book["description"] == "A book."
    pages = book["properties"]["pages"]
    assert (pages["minimum"], pages["description"]) == (1, "without the cover")
    assert book["properties"]["genre"]["enum"] == ["novel", "essay", "drama"]
    assert schema["$defs"]["Size"]["enum"] == ["small", "medium", "large"]
    assert book["required"] == ["title", "pages", "genre"]


def test_a_named_tuple_is_asked_for_by_its_names():
    """Services take it as the object that a model understands."""
    schema = schema_of(Point)
    assert list(schema.json_schema["properties"]) == ["x", "y", "label"]
    assert schema.json_schema["required"] == ["x"]
    assert strict_form(schema, "openai").schema["required"] == ["x", "y", "label"]


def test_moments_are_told_as_such():
    """Also those without a time zone, of which msgspec says only that they are text."""
    schema = schema_of(Times)
    formats = {
        name: json.dumps(one).count("date-time") for name, one in schema.json_schema["properties"].items()
    }
    assert formats == dict.fromkeys(formats, 0) | {"at": 1, "ended": 1, "all": 1, "zoned": 1}
    kinds = {column.name: column.kind for column in schema.columns}
    assert kinds["at"] == kinds["ended"] == kinds["zoned"] == "datetime"
    assert kinds["day"] == "date"
    assert schema_of(datetime).columns[0].kind == "datetime"
    assert schema_of(list[datetime]).columns[0].kind == "datetime"


class Model(pydantic.BaseModel):
    """A model of pydantic."""

    name: str = pydantic.Field(min_length=2, description="In full.")
    age: int | None = None
    kids: list[Model] = []

    @pydantic.field_validator("name")
    @classmethod
    def _has_no_digit(cls, name: str) -> str:
        if any(letter.isdigit() for letter in name):
            raise ValueError("a name has no digits")
        return name


@pydantic.dataclasses.dataclass
class Row:
    at: datetime
    model: Model


@dataclass
class Counted:
    """A class of the standard library with a rule of pydantic."""

    number: Annotated[int, pydantic.Field(gt=3)]


@pytest.mark.parametrize(
    "given", [Annotated[int, pydantic.Field(gt=3)], list[pydantic.PositiveInt], Counted, pydantic.SecretStr]
)
def test_rules_of_pydantic_hold_outside_of_its_models(given):
    """Also in a dataclass of the standard library, of which msgspec would know nothing."""
    schema = schema_of(given)
    data = {"number": -1} if given is Counted else [-1] if given == list[pydantic.PositiveInt] else -1
    with pytest.raises(AnswerInvalidError, match="Input should be"):
        schema.value_of(data)


def test_an_instance_of_a_model_is_no_schema():
    """It is the class that describes answers."""
    with pytest.raises(SessionTypeError, match="not Model"):
        schema_of(Model(name="Ada"))


@pytest.mark.parametrize(
    "given, data, value",
    [
        (Model, {"name": "Ada", "kids": [{"name": "Bo"}]}, Model(name="Ada", kids=[Model(name="Bo")])),
        (list[Model], [{"name": "Ada", "age": 3}], [Model(name="Ada", age=3)]),
        (Model | None, None, None),
        (pydantic.TypeAdapter(dict[str, Model]), {"a": {"name": "Ada"}}, {"a": Model(name="Ada")}),
        (pydantic.RootModel[list[int]], [1, 2], pydantic.RootModel[list[int]]([1, 2])),
    ],
)
def test_a_model_of_pydantic_is_checked_by_pydantic(given, data, value):
    """Alone, in a list, in a union, as an adapter, and where it contains itself."""
    schema = schema_of(given)
    wrapped = {schema.key: data} if schema.key else data
    assert schema.value_of(schema.read(json.dumps(wrapped))) == value
    jsonschema.Draft202012Validator.check_schema(schema.asked)
    assert strict_form(schema, "mistral").schema["type"] == "object"


def test_all_problems_of_a_model_are_listed_with_their_paths():
    """Those that its own validators find as well; texts are not taken for numbers."""
    with pytest.raises(AnswerInvalidError) as caught:
        schema_of(list[Model]).read('[{"name": "x"}, {"name": "R2D2", "age": "3", "kids": [{}]}]')
    paths = [problem.partition(":")[0] for problem in caught.value.problems]
    assert paths == ["$[0].name", "$[1].name", "$[1].age", "$[1].kids[0].name"]
    assert "a name has no digits" in caught.value.problems[1]
    assert caught.value.text.startswith("[{")


def test_moments_in_a_dataclass_of_pydantic():
    """JSON has no moments: their text is not refused as being text."""
    row = schema_of(Row).value_of({"at": "2026-11-30T10:00:00", "model": {"name": "Ada"}})
    assert row.at == datetime(2026, 11, 30, 10)  # noqa: DTZ001 - the text has no time zone


def test_all_problems_of_a_type_are_listed_with_their_paths():
    """Msgspec ends with the first; who repairs an answer sees all."""
    with pytest.raises(AnswerInvalidError) as caught:
        schema_of(list[Book]).read('[{"title": 1, "pages": 0, "genre": "ode"}, {"title": "T"}]')
    paths = {problem.partition(":")[0] for problem in caught.value.problems}
    assert paths == {"$[0].title", "$[0].pages", "$[0].genre", "$[1]"}
    with pytest.raises(AnswerInvalidError, match=r"\$\.price: Invalid decimal string|\$\.price"):
        schema_of(msgspec.defstruct("Priced", [("price", Decimal)])).check({"price": "a lot"})


@dataclass
class Inner:
    number: complex


@dataclass
class Outer:
    inners: list[Inner]


@dataclass
class Endless:
    me: Endless


@dataclass
class Lost:
    where: Nowhere  # type: ignore[name-defined] # noqa: F821 - the mistake to be found


class Nothing(enum.Enum):
    """Has no members."""


@dataclass
class Holder:
    of: list[Nothing]


Unclear = make_dataclass("Unclear", [("number", "1 +")])  # an annotation that is no expression


class Woven:
    """No class of data, whose parts lead back to it in very many ways."""


Woven.__annotations__ = {f"at{at}": type(f"Part{at}", (), {}) for at in range(30)}
for _part in Woven.__annotations__.values():
    _part.__annotations__ = dict(Woven.__annotations__)


class Plain:
    """Says nothing of what it holds."""


@pytest.mark.parametrize(
    "given, kind, words",
    [
        (Outer, SchemaTypeUnknownError, "$.inners[].number: complex cannot be read from JSON"),
        (list[complex], SchemaTypeUnknownError, "$[]: complex"),
        (Plain, SchemaTypeUnknownError, "$: Plain"),
        (Lost, SchemaTypeUnknownError, "$ (Lost): name 'Nowhere' is not defined"),
        (Book | Shelf, SchemaTypeUnknownError, "more than one"),
        (Endless, SchemaRecursionError, "$.me: #/$defs/Endless contains itself. Make that property optional"),
        (Nothing, SchemaChoiceError, "$: the enumeration Nothing has no members"),
        (Holder, SchemaChoiceError, "$.of[]: the enumeration Nothing has no members"),
        (Unclear, SchemaTypeUnknownError, "$ (Unclear): Forward reference must be an expression"),
        (Woven, SchemaTypeUnknownError, "cannot be read from JSON"),
        (pydantic.create_model("Odd", x=(Plain, ...), __config__={"arbitrary_types_allowed": True}),
         SchemaTypeUnknownError, "pydantic has no JSON schema"),
    ],
)  # fmt: skip
def test_a_type_that_cannot_be_asked_for_says_why_and_where(given, kind, words):
    """The path leads to the innermost type that is the cause."""
    with pytest.raises(SchemaDefinitionError) as caught:
        schema_of(given)
    assert type(caught.value) is kind
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "given, name",
    [
        (Book, "Book"),
        (list[Book], "Book"),
        (Model, "Model"),
        (bool, "answer"),
        ("name, age int", "answer"),
        ({"title": "A b/c: d"}, "A_b_c_d"),
        ({"title": "x" * 80}, "x" * 64),
        ({"title": "名前"}, "answer"),
    ],
)
def test_a_schema_has_a_name_that_services_take(given, name):
    """Letters, digits, underscores and hyphens, at most 64."""
    assert schema_of(given).name == name
    assert schema_of(given, name="my own!").name == "my_own"


def test_equal_schemas_have_one_hash():
    """However they are given: the stored definition is the JSON schema."""
    text = schema_of("name, age int")
    again = schema_of(json.loads(text.body))
    assert again.hash == text.hash
    assert schema_of("name, age float").hash != text.hash
    assert schema_of(text) is text


@pytest.mark.parametrize("given", ['"name, age int"', "list[int]", '{"type": "string"}'])
def test_pydantic_is_loaded_for_its_own_types_alone(given):
    """And fastjsonschema for what it checks."""
    code = (
        f"import sys; from langswarm_nb.core.session import schema_of; schema_of({given}); "
        "print(sorted({'pydantic', 'jsonschema', 'pandas'} & set(sys.modules)), 'fastjsonschema' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"[] {not given.startswith('list')}"
