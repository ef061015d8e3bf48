"""What was asked before, with all that it takes to ask it once more: one answer, or a comparison."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session import BaseSession, SessionMessage, SessionNotFoundError
from langswarm_nb.core.session.conversation.nodes import Node
from langswarm_nb.core.session.conversation.path import PathTurn
from langswarm_nb.core.session.conversation.tree import Tree
from langswarm_nb.core.session.parts.vocabulary import Part
from langswarm_nb.core.session.sending.options import SendOptions
from langswarm_nb.core.session.settings import GENERATION_OPTIONS

if TYPE_CHECKING:
    from langswarm_nb.core.session.answers.answer_schema import AnswerSchema


@dataclass(frozen=True, slots=True)
class AskedBefore:
    """A question, and what it was asked with."""

    question: SessionMessage
    answer_id: str | None
    """Of the answer that says with what; None when there is none."""
    changes: Mapping[str, Any]
    """Model and options, as a send takes them."""


@dataclass(frozen=True, slots=True)
class LastComparison:
    """A comparison, and what it was asked with."""

    question: SessionMessage
    """One of its questions, which are alike."""
    models: tuple[str, ...]
    system: str | None
    """System text that came with it."""
    changes: Mapping[str, Any]
    """Options, as a send takes them."""
    is_chosen: bool
    """Whether the conversation goes on with one of its answers."""


async def asked_before(session: BaseSession, message_id: str | None = None) -> AskedBefore:
    """Return the question that a message belongs to; by default the last one of the path.

    Raises
    ------
    SessionNotFoundError
        There is none.
    """
    turn = await _turn_of(session, await session.tree(), message_id)
    [question] = await session.pick_messages([turn.question.seq])
    answer = next((node.seq for node in reversed(turn.answers) if node.role == "assistant"), None)
    if answer is None:
        return AskedBefore(question, None, {})
    [reply] = await session.pick_messages([answer])
    return AskedBefore(question, reply.id, _asked_with(reply))


async def carried_before(session: BaseSession, question_id: str) -> SendOptions:
    """Return what a further version of a question carries as well.

    That is its attachments, the schema of its answers, and tools of the same model.
    """
    question = await session.question_of(question_id)
    sent: SendOptions = {"parts": beside_text(question)}
    nodes = (await session.tree()).nodes
    answers = [node.seq for node in nodes if node.parent == question.seq and node.role == "assistant"]
    if answers:
        [reply] = await session.pick_messages(answers[-1:])
        asked = _asked_with(reply)
        if (schema := await _schema_of(session, reply)) is not None:
            sent["schema"] = schema
        if asked.get("model") == f"{session.provider}:{session.model}" and "tools" in asked:
            sent["tools"] = asked["tools"]
    return sent


async def _schema_of(session: BaseSession, reply: SessionMessage) -> AnswerSchema | None:
    """Return the schema that an answer was asked for; None when it was none, or is no longer kept."""
    wanted = None if reply.request is None else reply.request.schema_hash
    if wanted is None:
        return None
    from langswarm_nb.core.session.sending.answering import schema_of_definition  # few answers are values

    found = await session.storage.read_definitions(session.key, [wanted])
    return schema_of_definition(found[wanted]) if wanted in found else None


def beside_text(question: SessionMessage) -> tuple[Part, ...]:
    """Return what a question carries beside its words."""
    return tuple(part for part in question.parts if part["type"] != "text")


async def last_comparison(session: BaseSession) -> LastComparison | None:
    """Return the comparison that was asked behind the last turn of the path, or is chosen there; None for neither."""
    tree = await session.tree()
    here = tree.turns[-1] if tree.turns else None
    beside = next((node for node in reversed(tree.nodes) if _is_behind(tree, node, here)), None)
    if beside is not None:
        return await _comparison(session, tree, tree.question_of(beside), is_chosen=False)
    if here is not None and here.answers and here.answers[-1].compare_id is not None:
        return await _comparison(session, tree, here.question, is_chosen=True)
    return None


def _is_behind(tree: Tree, node: Node, here: PathTurn | None) -> bool:
    """Tell whether a message ends the newest version of a comparison of which no answer is on the path."""
    if node.beside != "comparison" or tree.turn_on_path(node.turn) is not None:
        return False
    if node.version != max(tree.versions(node.turn)):
        return False
    before = tree.turns_to(tree.place_of(tree.question_of(node)))
    return (before[-1].last if before else None) == (None if here is None else here.last)


async def _comparison(
    session: BaseSession, tree: Tree, question: Node, *, is_chosen: bool
) -> LastComparison | None:
    """Return the comparison that a question is one of."""
    turn = tree.turns_to(question.seq)[-1]
    answers = [node for node in tree.of_turn(question.turn) if node.compare_id is not None]
    together = [node.compare_id for node in answers if tree.question_of(node) == question]
    newest = sorted(node.seq for node in answers if node.compare_id in together[-1:])  # as they came
    if not newest:
        return None
    replies = sorted(await session.pick_messages(newest), key=lambda reply: reply.version)
    asked = list(
        {reply.version: _asked_with(reply) for reply in replies}.values()
    )  # one has several with tools
    schema = await _schema_of(session, replies[0])
    chain = await session.pick_messages([node.seq for node in (*turn.given, question)])
    return LastComparison(
        chain[-1],
        tuple(str(each["model"]) for each in asked),
        chain[0].content if turn.given else None,
        {
            **{name: value for name, value in asked[0].items() if name != "model"},
            **({} if schema is None else {"schema": schema}),
        },
        is_chosen,
    )


def _asked_with(reply: SessionMessage) -> dict[str, Any]:
    """Return the model and the options that an answer was asked with."""
    facts = reply.request
    if facts is None:
        return {}
    named = {name: value for name, value in facts.params.items() if name in GENERATION_OPTIONS}
    rest = {name: value for name, value in facts.params.items() if name not in GENERATION_OPTIONS}
    tools = rest.get("tools")
    if isinstance(tools, list) and all(isinstance(name, str) for name in tools):  # not those of an option
        named["tools"] = tuple(rest.pop("tools"))
    asked = {**named, "options": rest} if rest else named
    return {**asked, "model": f"{facts.provider}:{facts.request_model}"}


async def _turn_of(session: BaseSession, tree: Tree, message_id: str | None) -> PathTurn:
    path = tree.turns
    if message_id is not None:
        message = await session.get_message(message_id)
        if message is None or message.seq is None:
            raise SessionNotFoundError("The message to answer again is no longer stored.")
        path = tree.turns_to(message.seq)
    if not path:
        raise SessionNotFoundError("There is no question to answer again on this path yet. Ask one first.")
    return path[-1]
