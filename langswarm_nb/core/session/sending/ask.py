"""`Ask`: what one send asks for, and `SendPlan`: what it will do, found by reading alone."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from langswarm_nb.core.session.conversation.asks import AskFacts
from langswarm_nb.core.session.conversation.nodes import Node, node_of
from langswarm_nb.core.session.conversation.notes import left_out
from langswarm_nb.core.session.conversation.placing import Place, answered_again, place
from langswarm_nb.core.session.conversation.sent_context import Context, choose
from langswarm_nb.core.session.conversation.steps import ChainPlace, Step
from langswarm_nb.core.session.conversation.tree import Tree
from langswarm_nb.core.session.errors import SessionNotFoundError, shown
from langswarm_nb.core.session.messages import MessageRole, SessionMessage
from langswarm_nb.core.session.provider_events import RetryNotice
from langswarm_nb.core.session.settings import SessionBackend, SessionSettings

from .context_window import messages_to_send

if TYPE_CHECKING:
    from langswarm_nb.core.session.answers.answer_schema import AnswerSchema
    from langswarm_nb.core.session.interfaces import IProviderSession
    from langswarm_nb.core.session.message_tree import MessageTree

    from .answering import Answering


@dataclass(frozen=True, slots=True)
class Ask:
    """What one send asks for."""

    message: SessionMessage
    """The question."""
    settings: SessionSettings
    """The session's, with the changes of this send."""
    facts: AskFacts = field(default_factory=AskFacts)
    """What its place depends on."""
    system: str | None = None
    """System text that comes with it; empty takes away what was there."""
    version_of: str | None = None
    """Id of the message that this one is a new version of."""
    regenerates: bool = False
    """Whether a question is answered that is stored already; ``message`` is known when the ask is resolved."""
    of: str | None = None
    """Id of that question, or of one of its replies; None for the last question of the active path."""
    compare_id: str | None = None
    provider_session: IProviderSession | None = None
    """What to send through; None for the manager's."""
    on_send: Callable[[], None] | None = None
    """Told when the request goes out."""
    on_retry: Callable[[RetryNotice], Awaitable[None] | None] | None = None
    on_wait: Callable[[str], None] | None = None
    """Told while another message of the session is being answered elsewhere."""
    waits: bool = True
    """Whether it goes after the answer that is on its way; else it is refused."""
    expected_tip: str | None = None
    """Id of the message that the path has to end in; empty for a path without any."""
    tools: tuple[str, ...] = ()
    """Names of tools of the service that the model may use."""
    is_named: bool = False
    """Whether the id of ``message`` is the caller's: what is sent once more with it is answered once."""
    schema: AnswerSchema | None = None
    """What the answer has to be; None for words."""
    asks_as_before: bool = False
    """Whether a question that is answered again is asked for the schema that its last answer was asked for."""

    @property
    def is_beside(self) -> bool:
        """Whether the active path stays as it is."""
        return self.facts.beside is not None

    @property
    def is_alone(self) -> bool:
        """Whether it goes without the turns before it."""
        return self.facts.beside == "aside"

    @property
    def is_native(self) -> bool:
        """Whether it goes through the conversation that the provider holds; what stands beside the path does not."""
        return self.settings.backend is SessionBackend.PROVIDER_NATIVE and not self.is_beside

    def chain(self, message: SessionMessage, number: int | None) -> list[SessionMessage]:
        """Return what is stored before anything is sent: the question, after the system text that comes with it.

        ``number`` tells which question of a run of its cell it is.
        """
        if (message.ask, message.beside) != (number, self.facts.beside):
            message = replace(message, ask=number, beside=self.facts.beside)
        if self.system is None:
            return [message]
        system = SessionMessage(
            role=MessageRole.SYSTEM,
            content=self.system,
            scope="replace",
            source=message.source,
            cell_id=message.cell_id,
            beside=self.facts.beside,
        )
        return [system, message]

    def decide(self, tree: Tree, message: SessionMessage, lease: str | None = None) -> tuple[Decision, Step]:
        """Return where the question goes in a tree and what is sent with it, and what a storage has to do.

        Parameters
        ----------
        tree : Tree
            The session as it is.
        message : SessionMessage
            The question, as it is stored.
        lease : str, optional
            Id of the answer that will be given; None beside the path.

        Raises
        ------
        ContextLengthError
            A limit is passed, and nothing may be left out.
        """
        at = self.place_in(tree)
        chain = [] if self.regenerates else self.chain(message, at.ask)
        context = self.context(tree, at, self.nodes(tree, at, chain))
        there = bisect_left(context.seqs, len(tree.nodes))
        place: ChainPlace = {
            "parent": at.parent,
            "turn": at.turn,
            "activate": lease is not None,
            "branch": at.branch,
            "hides": at.hides,
            "lease": lease,
            "expected_tip": self.expected_tip,
            "once": self.is_named and not self.regenerates,
        }
        own = [seq - len(tree.nodes) for seq in context.seqs[there:]]
        decision = Decision(at, at.branch or tree.branch, chain, context, own)
        return decision, Step(chain, place, context.seqs[:there])

    def place_in(self, tree: Tree) -> Place:
        """Return where it goes."""
        if self.regenerates:
            return answered_again(tree, tree.nodes[self.message.seq or 0])
        return place(tree, self.facts)

    def nodes(self, tree: Tree, at: Place, chain: Sequence[SessionMessage]) -> list[Node]:
        """Return the messages of a chain as they will stand in the tree."""
        first = len(tree.nodes)
        return [
            node_of(message, first + n, at.parent if n == 0 else first + n - 1)._replace(turn=-1)
            for n, message in enumerate(chain)
        ]

    def context(self, tree: Tree, at: Place, chain: Sequence[Node]) -> Context:
        """Return what is sent, once the question is in its place.

        Raises
        ------
        ContextLengthError
            A limit is passed, and nothing may be left out.
        """
        settings = self.settings
        if self.is_native:  # the provider holds what it holds
            settings = replace(settings, max_messages=None, max_context_tokens=None)
        path = tree.way_to(at.parent).extended(chain)
        return choose(path, tree.hidden_on(at.branch) | set(at.hides), settings, alone=self.is_alone)


class Decision(NamedTuple):
    """Where a question goes, and what is sent with it."""

    place: Place
    branch: str
    chain: list[SessionMessage]
    """What is to be stored."""
    context: Context
    own: list[int]
    """Which of the chain are sent."""

    def sent(self, read: Sequence[SessionMessage], chain: Sequence[SessionMessage]) -> list[SessionMessage]:
        """Return what is sent: what was read, and of the chain what says something."""
        return [*read, *(chain[n] for n in self.own)]


@dataclass(frozen=True, slots=True)
class SendPlan:
    """What a send would do."""

    place: Place
    context: Context
    messages: tuple[SessionMessage, ...]
    """What the provider would get."""
    settings: SessionSettings
    answering: Answering | None = None
    """How it would ask for a value: ``asked`` has the schema and the route, and ``words`` are among `messages`."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What to show the reader about it."""
        told = [self.place.note, left_out(self.context.left_out) if self.context.left_out else ""]
        return tuple(note for note in told if note)


async def plan(ask: Ask, session: MessageTree | None, answering: Answering | None = None) -> SendPlan:
    """Find out what a resolved ask would do in a session, or in a new one; nothing is changed.

    Parameters
    ----------
    ask : Ask
        What is asked.
    session : MessageTree or None
        Where; None for a session that is yet to be made.
    answering : Answering, optional
        How it asks for a value, if that was found out.

    Raises
    ------
    ContextLengthError
        A limit is passed, and nothing may be left out.
    """
    if session is None:
        (found, _), read = ask.decide(Tree.empty(), ask.message), list[SessionMessage]()
    else:
        found, (_, read) = await session.ask(lambda tree: ask.decide(tree, ask.message), dry_run=True)
    messages: Sequence[SessionMessage] = found.sent(read, found.chain)
    if answering is not None:
        messages = answering.with_words(messages)
    return SendPlan(found.place, found.context, messages_to_send(messages), ask.settings, answering)


async def resolved(ask: Ask, session: MessageTree) -> Ask:
    """Return the ask with the messages that it names by their ids: what it is a version of, what it answers again.

    Raises
    ------
    SessionNotFoundError
        There is no such message.
    """
    if ask.regenerates:
        question = await session.question_of(ask.of)
        beside = question.beside if question.is_aside else None
        schema = ask.schema
        if ask.asks_as_before:
            schema = await _schema_before(question, session) or schema
        facts = replace(ask.facts, text=question.content, beside=beside)
        return replace(ask, message=question, facts=facts, schema=schema)
    if ask.version_of is None:
        return ask
    message = await session.get_message(ask.version_of)
    if message is None or message.seq is None:
        raise SessionNotFoundError(
            f"No message {shown(ask.version_of)} in session {session.session_id!r}, so it can have no new "
            "version. List the ids with `await session.get_messages(branch='all')`."
        )
    return replace(ask, facts=replace(ask.facts, version_of=message.seq))


async def _schema_before(question: SessionMessage, session: MessageTree) -> AnswerSchema | None:
    """Return the schema that the last answer to a question was asked for; None when it was none."""
    nodes = (await session.tree()).of_turn(question.turn)
    answers = [node.seq for node in nodes if node.parent == question.seq and node.role == "assistant"]
    if not answers:
        return None
    [reply] = await session.pick_messages(answers[-1:])
    wanted = None if reply.request is None else reply.request.schema_hash
    if wanted is None:
        return None
    from .answering import schema_of_definition  # few questions were asked for a value

    found = await session.storage.read_definitions(session.key, [wanted])
    if wanted not in found:
        raise SessionNotFoundError(
            f"The schema that message {shown(question.id)} was asked with is not in {session.storage.name}. "
            "Pass it as `schema`, or schema=None to ask for words."
        )
    return schema_of_definition(found[wanted])
