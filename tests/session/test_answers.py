"""Answers that are values: how they are asked for, checked, kept and read back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from langswarm_nb.core.session import (
    BaseSession,
    Delta,
    Finish,
    FinishReason,
    ISession,
    ISessionMiddleware,
    MessageRole,
    PartDone,
    SessionManager,
    SessionMessage,
    SessionMiddlewareError,
    SessionNotFoundError,
    SessionTypeError,
    SessionValueError,
    Usage,
    create_session_manager,
)
from langswarm_nb.core.session.answers import one_line, strict
from langswarm_nb.core.session.answers.answer_schema import schema_of
from langswarm_nb.core.session.answers.schema_errors import (
    AnswerError,
    AnswerInvalidError,
    AnswerRefusedError,
    AnswerTruncatedError,
    SchemaDefinitionError,
    SchemaRouteError,
)
from langswarm_nb.core.session.provider_events import Intake
from langswarm_nb.core.session.providers.mock import MockProviderSession
from langswarm_nb.core.session.sending import answering
from tests.support.storages import texts
from tests.support.values import Asked

Script = Callable[..., MockProviderSession]

PERSON = {
    "title": "Person",
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
ADA = '{"name": "Ada", "age": 36}'


@dataclass
class Person:
    """Somebody."""

    name: str
    age: int


@pytest.fixture
def script(manager: SessionManager) -> Script:
    """Let the provider ``mock``, whose models are asked in words, answer as told from now on."""

    def use(*replies: Any) -> Asked:
        return by(manager, "prompt", replies=replies)

    return use


def by(manager: SessionManager, *routes: Any, replies: Any = (ADA,), **more: Any) -> Asked:
    """Let the provider ``mock`` have these routes."""
    takes = Asked(Intake(routes=routes, **more), replies=replies)
    manager.add_provider_session("mock", takes)
    return takes


async def test_an_answer_is_a_value(manager: SessionManager, session: BaseSession, script: Script) -> None:
    """It is JSON in the conversation, data in the reply, an instance in the stream; the storage has all of it."""
    script(ADA)
    stream = session.stream_message("Who?", schema=Person)
    assert (stream.value, stream.attempt) == (None, 1)
    assert "".join([delta.text async for delta in stream]) == ADA
    assert (stream.value, stream.attempt, stream.attempts) == (Person("Ada", 36), 1, ())
    [_, reply] = await session.get_messages()
    assert (reply, reply.content) == (stream.reply, ADA)
    assert reply.data == {"name": "Ada", "age": 36}
    assert reply.data_as(Person) == Person("Ada", 36)
    assert stream.schema is not None
    assert reply.request is not None
    assert (reply.request.status, reply.request.schema_hash) == ("ok", stream.schema.hash)
    assert reply.request.data_json == '{"name":"Ada","age":36}'
    assert "schema_attempt" not in reply.request.details
    assert reply.request.details["route"] == stream.reply.request.details["route"]  # type: ignore[union-attr]
    kept = await manager.storage.read_definitions(session.key)
    assert kept[stream.schema.hash].body == stream.schema.body


async def test_data_as_reads_any_reply(session: BaseSession, script: Script) -> None:
    """Also one that was not asked for with a schema; what does not fit is told."""
    script(f"Here it is:\n```json\n{ADA}\n```", "None.")
    reply = await session.send_message("Who?")
    assert (reply.data, reply.data_as(Person)) == (None, Person("Ada", 36))
    with pytest.raises(AnswerInvalidError):
        (await session.send_message("Who?")).data_as(Person)


@pytest.mark.parametrize(
    "given",
    [PERSON, Person, "name, age int", schema_of(Person)],
    ids=["JSON schema", "type", "text", "schema"],
)
async def test_a_session_can_ask_for_values(manager: SessionManager, script: Script, given: object) -> None:
    """As a setting, of which JSON is stored; a send may ask for another schema, or for words."""
    script(ADA, '{"n": 1}', "Just words.", ADA)
    session = await manager.create_session("ada", "mock", "echo", schema=given, repair=0)
    again = await manager.get_session(session.session_id)
    assert again is not None
    assert again.settings == session.settings
    assert isinstance(again.settings.schema, (dict, str))
    assert (await again.send_message("Who?")).data == {"name": "Ada", "age": 36}
    assert (await again.send_message("How many?", schema="n int")).data == {"n": 1}
    words = await again.send_message("And?", schema=None)
    assert (words.data, words.content) == (None, "Just words.")
    await again.update_settings(schema=None)
    assert (await again.send_message("Who?")).data is None


async def test_a_type_may_say_more_than_a_schema_that_is_given_as_json(
    session: BaseSession, script: Script
) -> None:
    """What a type makes of itself is not held to the rules for JSON schemas, and sends with other settings neither."""
    script('{"name": "Ada", "age": 36}')
    odd = replace(
        schema_of(Person), json_schema={**schema_of(Person).json_schema, "discriminator": {"odd": 1}}
    )
    reply = await session.send_message("Who?", schema=odd, temperature=0.5)
    assert reply.data_as(Person) == Person("Ada", 36)


async def test_a_session_asks_for_values_wherever_it_goes(manager: SessionManager) -> None:
    """An export brings the setting along, with the answers and their schemas."""
    by(manager, "prompt", replies=(ADA, ADA))
    session = await manager.create_session("ada", "mock", "echo", schema=Person, repair=3)
    await session.send_message("Who?")
    text = await session.export()
    async with create_session_manager("memory") as elsewhere:
        there = await elsewhere.import_session("ada", text=text)
        assert there.settings == session.settings
        assert (await there.get_messages())[-1].data_as(Person) == Person("Ada", 36)
        by(elsewhere, "prompt")
        assert (await there.regenerate()).data == {"name": "Ada", "age": 36}


async def test_a_schema_of_an_older_version_is_no_reason_not_to_read_a_session(
    manager: SessionManager, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is checked again when somebody sends."""
    session = await manager.create_session("ada", "mock", "echo", schema="n int, mark int")
    monkeypatch.setattr(one_line, "one_line_schema", lambda text: schema_of({"type": text}))
    answering._met.cache_clear()
    again = await manager.storage.load_session(session.key)
    assert again.settings.schema == "n int, mark int"
    with pytest.raises(SchemaDefinitionError):
        await session.send_message("Who?")


async def test_a_setting_that_asks_for_nothing_is_refused(manager: SessionManager) -> None:
    """At once, as every setting; no session is made."""
    wrong: tuple[tuple[dict[str, Any], type[Exception]], ...] = (
        ({"schema": 3}, SessionTypeError),
        ({"schema": "a int, a int"}, SchemaDefinitionError),
        ({"repair": -1}, SessionValueError),
        ({"repair": True}, SessionTypeError),
    )
    for settings, error in wrong:
        with pytest.raises(error):
            await manager.create_session("ada", "mock", "echo", **settings)
    assert await manager.storage.list_sessions() == []


@pytest.mark.parametrize("wrong", [3, "a int, a int", {"type": "nothing"}, object])
async def test_a_schema_that_is_none_is_refused_at_once(session: BaseSession, wrong: object) -> None:
    """Before a stream is there, in a send and where a question is answered again."""
    for ask in (
        lambda: session.stream_message("Who?", schema=wrong),
        lambda: session.stream_regenerate(schema=wrong),
    ):
        with pytest.raises((SchemaDefinitionError, SessionTypeError)):
            ask()
    assert await session.get_messages(branch="all") == []


# -- Routes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "routes, is_told, route, says",
    [
        (("strict", "tool", "prompt"), False, "strict", False),
        (("strict", "prompt"), True, "strict", True),
        (("tool", "prompt"), True, "tool", False),
        (("prompt",), False, "prompt", True),
    ],
)
async def test_the_surest_route_is_taken(
    manager: SessionManager, session: BaseSession, routes: Any, is_told: bool, route: str, says: bool
) -> None:
    """The request has the schema and the route; words only where the model is told nothing else, and never stored."""
    takes = by(manager, *routes, is_told_schema=is_told)
    reply = await session.send_message("Who?", schema=PERSON, system="Be brief.")
    [request] = takes.requests
    assert request.schema is not None
    assert (request.schema.name, request.schema.route) == ("Person", route)
    assert request.schema.schema["properties"].keys() == {"name", "age"}
    system = request.messages[0].content
    assert system.startswith("Be brief.")
    assert ('"age"' in system) is says
    assert reply.request is not None
    assert reply.request.details["route"] == route
    assert [m.content for m in await session.get_messages()] == ["Be brief.", "Who?", ADA]


async def test_the_words_are_the_system_text_where_there_is_none(
    manager: SessionManager, session: BaseSession
) -> None:
    """They come first, and later sends know nothing of them."""
    takes = by(manager, "prompt", replies=(ADA, "Hello."))
    await session.send_message("Who?", schema=PERSON)
    assert [m.role for m in takes.requests[-1].messages] == [MessageRole.SYSTEM, MessageRole.USER]
    await session.send_message("Hi", schema=None)
    assert [m.content for m in takes.requests[-1].messages] == ["Who?", ADA, "Hi"]


async def test_a_schema_without_a_strict_form_goes_by_the_next_route(
    manager: SessionManager, session: BaseSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And where there is no next one, the reason is told, with nothing stored or sent."""

    def none(schema: object, form: str) -> Any:
        raise SchemaRouteError(f"It has no form for {form}.")

    monkeypatch.setattr(answering, "strict_form", none)
    takes = by(manager, "strict", "tool", schema_form="openai")
    await session.send_message("Who?", schema=PERSON)
    assert takes.requests[-1].schema is not None
    assert takes.requests[-1].schema.route == "tool"
    before = await session.get_messages(branch="all")
    takes = by(manager, "strict", schema_form="openai")
    with pytest.raises(SchemaRouteError, match=r"It has no form for openai\. Nothing was stored or sent"):
        await session.send_message("Who?", schema=PERSON)
    assert await session.get_messages(branch="all") == before
    assert not takes.requests


async def test_a_model_that_cannot_be_asked_is_refused(manager: SessionManager, session: BaseSession) -> None:
    """Nothing is stored or sent, and models that can are named; a plan says the same."""
    takes = by(manager)
    for ask in (session.send_message, session.plan_message):
        with pytest.raises(
            SchemaRouteError, match=r"mock:echo cannot be asked .* Nothing was stored or sent"
        ):
            await ask("Who?", schema=PERSON)
    assert await session.get_messages(branch="all") == []
    assert not takes.requests


async def test_what_a_form_added_is_taken_out_again(
    manager: SessionManager, session: BaseSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The text stays as the model wrote it; the data is what the user's schema describes."""
    form = strict.StrictForm({"type": "object"}, lambda data: {"name": data["name"], "age": int(data["age"])})
    monkeypatch.setattr(answering, "strict_form", lambda *_: form)
    by(manager, "strict", replies=['{"name": "Ada", "age": "36", "extra": null}'])
    reply = await session.send_message("Who?", schema=PERSON)
    assert reply.data == {"name": "Ada", "age": 36}
    assert "extra" in reply.content


async def test_a_plan_is_what_is_sent(manager: SessionManager, session: BaseSession) -> None:
    """It tells the route and the words, and has the very messages of the request; nothing is stored."""
    takes = by(manager, "prompt", replies=(ADA, ADA))
    await session.send_message("Who?", schema=PERSON, system="Be brief.")
    for plan, ask in (
        (session.plan_message("And?", schema=PERSON), lambda: session.send_message("And?", schema=PERSON)),
    ):
        found = await plan
        assert len(await session.get_messages(branch="all")) == 3
        await ask()
        sent = takes.requests[-1]
        assert found.answering is not None
        assert found.answering.asked == sent.schema
        assert found.answering.words in found.messages[0].content
        assert texts(found.messages) == texts(sent.messages)
    assert (await session.plan_message("Hi")).answering is None


# -- What came ------------------------------------------------------------------------------------------------------


async def test_an_answer_that_was_cut_is_not_asked_for_again(session: BaseSession, script: Script) -> None:
    """The error has the numbers; the part is kept, as a failed answer."""
    cut = [Delta('{"name": "A'), Usage(output_tokens=50, reasoning_tokens=30), Finish(FinishReason.LENGTH)]
    mock = script(cut, "more")
    with pytest.raises(
        AnswerTruncatedError, match=r"max_tokens is 50, it took 50 tokens, 30 of them to think"
    ) as caught:
        await session.send_message("Who?", schema=PERSON, max_tokens=50, repair=3)
    await kept_as(session, caught.value, '{"name": "A', "AnswerTruncatedError")
    assert len(mock.requests) == 1


@pytest.mark.parametrize(
    "refusal",
    [
        [Delta("I will not.", "refusal"), Finish(FinishReason.STOP)],
        [Delta("{}"), Finish(FinishReason.CONTENT_FILTER)],
        [PartDone({"type": "refusal", "text": "I will not."}), Finish(FinishReason.STOP)],
    ],
    ids=["words", "filter", "part"],
)
async def test_a_refusal_is_told_as_one(session: BaseSession, script: Script, refusal: Any) -> None:
    """However a service says so; nothing more is asked, and the words are kept."""
    mock = script(refusal, ADA)
    with pytest.raises(AnswerRefusedError, match="mock:echo refused to answer") as caught:
        await session.send_message("Who?", schema=PERSON)
    await kept_as(session, caught.value, None, "AnswerRefusedError")
    assert len(mock.requests) == 1


async def kept_as(session: BaseSession, error: AnswerError, text: str | None, kind: str) -> None:
    """Check that an error carries what is stored, and that the conversation can go on."""
    [question, reply] = (await session.get_messages())[-2:]
    assert (error.question, error.reply, error.text) == (question, reply, reply.content)
    assert text is None or reply.content == text
    assert reply.request is not None
    assert (reply.request.status, reply.request.error_type) == ("error", kind)
    assert reply.request.error_message == str(error)
    assert (reply.request.schema_hash, reply.data) == (schema_of(PERSON).hash, None)
    mock = MockProviderSession(replies=["Fine."])
    assert (await session.send_message("Never mind.", schema=None, provider_session=mock)).content == "Fine."


HOSTILE = {
    "NaN": '{"name": "Ada", "age": NaN}',
    "half a character": '{"name": "\\ud800", "age": "x"}',
    "deep": '{"a":' * 100_000,
    "a huge number": '{"name": "x", "age": ' + "9" * 10_000 + "}",
    "nothing": "",
    "not JSON": "I'd rather\x00 talk.\n",
    "another value": "[1]",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
async def test_whatever_comes_is_kept(session: BaseSession, script: Script, text: str) -> None:
    """No answer, however odd, breaks the send: it is told as one that does not fit, and stored."""
    script([Delta(text), Finish(FinishReason.STOP)])
    with pytest.raises(AnswerInvalidError) as caught:
        await session.send_message("Who?", schema=PERSON, repair=0)
    assert caught.value.problems
    assert all(len(problem) <= 300 for problem in caught.value.problems)
    assert (await session.get_messages())[-1].content == text


async def test_a_check_of_the_users_own_may_fail(session: BaseSession, script: Script) -> None:
    """Whatever it raises, the answer that came is kept."""

    def raises(data: Any) -> Any:
        raise ZeroDivisionError("never")

    script(ADA)
    with pytest.raises(AnswerInvalidError, match="ZeroDivisionError"):
        await session.send_message("Who?", schema=replace(schema_of(PERSON), check=raises), repair=0)
    assert (await session.get_messages())[-1].content == ADA


async def test_a_whole_answer_in_one_piece(session: BaseSession, script: Script) -> None:
    """With ``stream=False`` all is the same."""
    mock = script('{"name": 3}', ADA)
    reply = await session.send_message("Who?", schema=PERSON, stream=False, repair=1)
    assert reply.data == {"name": "Ada", "age": 36}
    assert [request.stream for request in mock.requests] == [False, False]


# -- Middleware ----------------------------------------------------------------------------------------------------


class Says(ISessionMiddleware):
    """Puts other words in the place of a reply's."""

    def __init__(self, change: Callable[[str], str]) -> None:
        self._change = change
        self.heard: list[str] = []

    async def process_outgoing_message(self, session: ISession, message: SessionMessage) -> SessionMessage:
        return message

    async def process_incoming_message(self, session: ISession, message: SessionMessage) -> SessionMessage:
        self.heard.append(message.content)
        return replace(message, content=self._change(message.content))


async def test_what_middleware_made_of_an_answer_is_checked(session: BaseSession, script: Script) -> None:
    """It mends it or spoils it; what is stored is what was checked, and a further attempt goes through it too."""
    script("ADA", '{"name": "Ada"}', ADA)
    mends = Says(lambda text: ADA if text == "ADA" else text)
    session.add_middleware(mends)
    reply = await session.send_message("Who?", schema=PERSON)
    assert (reply.content, reply.data) == (ADA, {"name": "Ada", "age": 36})
    assert (await session.send_message("Who?", schema=PERSON, repair=1)).data == {"name": "Ada", "age": 36}
    assert mends.heard == ["ADA", '{"name": "Ada"}', ADA]


async def test_middleware_that_fails_keeps_the_answer_as_it_came(
    session: BaseSession, script: Script
) -> None:
    """In any attempt; nothing more is asked."""

    def fails(text: str) -> str:
        if text == "second":
            raise ZeroDivisionError
        return text

    mock = script("first", "second", ADA)
    session.add_middleware(Says(fails))
    with pytest.raises(SessionMiddlewareError):
        await session.send_message("Who?", schema=PERSON, repair=5)
    assert [(m.content, m.is_active) for m in await session.get_messages(branch="all")] == [
        ("Who?", True),
        ("first", False),
        ("second", True),
    ]
    assert len(mock.requests) == 2


# -- Again ---------------------------------------------------------------------------------------------------------


async def test_a_question_is_answered_again_as_it_was_asked(session: BaseSession, script: Script) -> None:
    """With the schema of its last answer, which is stored, also in another process; ``schema=None`` asks for words."""
    mock = script(ADA, ADA, "Ada.", '{"n": 1}', '{"n": 2}')
    await session.send_message("Who?", schema=Person)
    again = session.stream_regenerate()
    assert (await again.read()).data == {"name": "Ada", "age": 36}
    assert mock.requests[-1].schema == mock.requests[0].schema
    assert again.schema is not None
    assert again.schema.name == "Person"
    assert (await session.regenerate(schema=None)).data is None
    assert (await session.regenerate(schema="n int")).data == {"n": 1}
    plan = await session.plan_regenerate()
    assert plan.answering is not None
    assert (await session.regenerate()).data == {"n": 2}


async def test_a_schema_that_is_not_kept_is_missed(
    session: BaseSession, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A storage that keeps none cannot say what a question was asked with; nothing is sent."""
    mock = script(ADA, "words")
    await session.send_message("Who?", schema=PERSON)

    async def none(*_: object) -> dict[str, Any]:
        return {}

    monkeypatch.setattr(session.storage, "read_definitions", none)
    with pytest.raises(SessionNotFoundError, match="schema=None to ask for words"):
        await session.regenerate()
    assert (len(mock.requests), len(await session.get_messages(branch="all"))) == (1, 2)


async def test_a_repeat_gets_the_value(session: BaseSession, script: Script) -> None:
    """Of a message with an id of one's own: the answer that fits; after one that does not it is asked again."""
    mock = script("bad", ADA, ADA)
    with pytest.raises(AnswerInvalidError):
        await session.send_message("Who?", message_id="mine", schema=Person, repair=0)
    reply = await session.send_message("Who?", message_id="mine", schema=Person, repair=0)
    repeat = session.stream_message("Who?", message_id="mine", schema=Person, repair=0)
    assert await repeat.read() == reply
    assert (repeat.value, len(mock.requests)) == (Person("Ada", 36), 2)
    assert await session.send_message("Who?", message_id="mine") == reply  # whoever asks for words gets them
    other = await session.send_message("Who?", message_id="mine", schema="name, age int")
    assert (other.data, len(mock.requests)) == ({"name": "Ada", "age": 36}, 3)
