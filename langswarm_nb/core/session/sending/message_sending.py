"""What a session can send: a message, several at once, a question again; and previews of a send."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, Unpack

from langswarm_nb.core.session import checks
from langswarm_nb.core.session.errors import SessionLeasedError, SessionNotFoundError, SessionTypeError, shown
from langswarm_nb.core.session.interfaces import ChainPlace, MessageRole, SessionMessage, SessionSettings
from langswarm_nb.core.session.message_tree import MessageTree
from langswarm_nb.core.session.messages import QuestionRole, new_id

from .ask import Ask, SendPlan, plan, resolved
from .finishing import finish_anyway, is_collected
from .lease import Lease, Wait
from .options import AnswerOptions, SendOptions, WhenBusy, make_ask, make_ask_again, settings_of
from .stream import MessageStream
from .turnstile import Turnstile

if TYPE_CHECKING:
    from langswarm_nb.core.session.base import SessionManager

    from .answering import Answering


class MessageSending(MessageTree):
    """The ways a session sends; each is one flow, see `langswarm_nb.core.session.sending.turn`."""

    turnstile: Turnstile

    @property
    @abstractmethod
    def manager(self) -> SessionManager:
        """The manager that made it."""

    @abstractmethod
    def _stream(self, ask: Ask) -> MessageStream:
        """Return the flow of one message."""

    async def add_system_message(
        self,
        content: str,
        *,
        scope: Literal["add", "replace"] = "add",
        metadata: Mapping[str, Any] | None = None,
        when_busy: WhenBusy = "wait",
        expected_tip: str | None = None,
    ) -> SessionMessage:
        """Add a system message, which is sent with the next question on this path.

        Parameters
        ----------
        content : str
            The text; with ``replace`` it may be empty, which removes the earlier ones.
        scope : {"add", "replace"}
            Whether it joins the earlier system messages or replaces them.
        metadata : mapping, optional
            JSON of the caller's own.
        when_busy : {"wait", "raise"}
            What to do while a message of the session is being answered: wait for the answer, or raise.
        expected_tip : str, optional
            Id of the message that the path must end with; empty for an empty path.

        Raises
        ------
        SessionLeasedError
            A message is being answered, with ``when_busy="raise"``.
        SessionMovedError
            The path does not end in ``expected_tip``.
        SessionError
            An argument is not allowed, or the message could not be stored.
        """
        waits = checks.when_busy(when_busy)
        end: ChainPlace = {} if expected_tip is None else {"expected_tip": checks.path_end(expected_tip)}
        message = checks.system_message(content, scope, metadata)
        [stored] = await self.append_between([message], waits=waits, **end)
        return stored

    async def import_messages(
        self, messages: Sequence[SessionMessage | Mapping[str, Any]]
    ) -> list[SessionMessage]:
        """Add messages from elsewhere at the end of the active path, as if they had been said here; nothing is sent.

        Parameters
        ----------
        messages : sequence of SessionMessage or mapping
            In order: messages of another session, or of a chat in OpenAI's format, such as
            ``{"role": "user", "content": "Hello!"}``.

        Returns
        -------
        list of SessionMessage
            The new messages as stored; their ``source`` is "import". The usage of their requests counts in the
            session that made them, not here.

        Raises
        ------
        SessionValueError, SessionTypeError
            One of them is not a message; nothing was stored.
        SessionError
            They could not be stored.

        Notes
        -----
        While a message of the session is being answered, this waits until the answer is complete.
        """
        from langswarm_nb.core.session.imports.chats import messages_of_chat  # few sessions ever need it

        if isinstance(messages, (str, bytes, Mapping)) or not isinstance(messages, Sequence):
            raise SessionTypeError.of("messages", messages, "a list of messages")
        chain = messages_of_chat(messages)
        return await self.append_between(chain) if chain else []

    async def append_between(
        self, chain: Sequence[SessionMessage], *, waits: bool = True, **place: Unpack[ChainPlace]
    ) -> list[SessionMessage]:
        """Store messages, as `append` does, once no message of the session is being answered.

        Raises
        ------
        SessionLeasedError
            A message is being answered, and ``waits`` is False.
        """
        place["lease"] = chain[0].id
        lease = Lease(self.storage, self.key, chain[0].id)
        wait = Wait(lease)
        try:
            while True:
                try:
                    return await self.append(chain, **place)
                except SessionLeasedError:  # between a question and its answer they would belong to neither
                    if not waits:
                        raise
                await self.turnstile.make_way()
                while not await wait.a_little():
                    await self.turnstile.make_way()
        except BaseException as error:
            if lease.is_claimed and not is_collected(error):
                await finish_anyway(lease.give_back)
            raise

    async def send_message(
        self,
        content: str,
        role: MessageRole | QuestionRole = MessageRole.USER,
        *,
        model: str | None = None,
        **options: Unpack[SendOptions],
    ) -> SessionMessage:
        """Send a message and return the whole reply.

        Parameters
        ----------
        content, role, model, **options
            As in `stream_message`.

        Raises
        ------
        SessionError
            As in `stream_message`.
        """
        return await self.stream_message(content, role, model=model, **options).read()

    def stream_message(
        self,
        content: str,
        role: MessageRole | QuestionRole = MessageRole.USER,
        *,
        model: str | None = None,
        **options: Unpack[SendOptions],
    ) -> MessageStream:
        """Send a message and return its reply as an async iterator of `Delta`.

        The message is stored before anything is sent; the reply is stored, whole or cut short, before the
        iterator ends. A session answers one message at a time, however many programs and kernels send.

        Parameters
        ----------
        content : str
            The text; may be empty when there are ``parts``.
        role : {"user", "tool"}
            ``tool`` is for the result of a tool call (with a ``tool_result`` part).
        model : str, optional
            Another model for this send, ``"model"`` or ``"provider:model"``.
        **options
            `SendOptions`: what goes with the message (``parts``, ``metadata``, ``system``), where it goes
            (``version_of``, ``parent``, ``history``, ``activate``), what happens when others send too (``when_busy``,
            ``expected_tip``, ``message_id``), how it is sent (``provider_session``, ``on_send``, ``on_retry``,
            ``on_wait``), what the answer has to be (``schema``: a type, a text such as ``"name, age int"``, a JSON
            schema; ``repair``), and settings for this send only (``temperature``, ``max_tokens``, ``options``, …).

        Raises
        ------
        SessionValueError, SessionTypeError
            At once, with nothing stored or sent: an argument is not allowed.
        SchemaDefinitionError, SchemaRouteError
            With nothing stored or sent: the schema cannot be used (at once), or the model cannot be asked for it (while
            reading).
        AnswerError
            While reading: the answer came, and was cut, refused, or does not fit the schema; it is stored.
        SessionClosedError, SessionNotFoundError
            The manager was closed or the session deleted, at once or while reading; the error carries what had arrived.
        SessionLeasedError, SessionMovedError, SessionExistsError
            While reading, with nothing stored or sent: another message is being answered (``when_busy="raise"``), the
            path does not end with ``expected_tip``, or ``message_id`` was used for another text.
        SessionMiddlewareError
            While reading: a middleware failed.
        SessionStorageError
            While reading: the message or the reply could not be stored.
        ProviderSessionError
            While reading: the provider refused or failed; what had arrived is kept.
        """
        ask = self._ask(content, role, model, options)
        self.manager.check_open()
        return self._stream(ask)

    async def stream_comparison(
        self,
        content: str,
        models: Sequence[str],
        own: Callable[[str], SendOptions] = lambda _: {},
        *,
        again: int | None = None,
        **options: Unpack[SendOptions],
    ) -> list[MessageStream]:
        """Ask several models the same question, beside the path, and return one stream for each, in the models' order.

        Their answers are versions of one turn, numbered in that order; `use_version` continues with one of them. The
        questions are stored when this returns; nothing is sent until a stream is read.

        Parameters
        ----------
        content : str
            The text.
        models : sequence of str
            ``provider:model`` of each; a model that is named twice answers twice.
        own : callable, optional
            Called once for each of the models, in their order; returns the options for that one only.
        again : int, optional
            Number of a turn; the answers become further versions of it, in its place.
        **options
            As for `stream_message`.

        Raises
        ------
        SessionError
            As in `stream_message`; the questions to the models before the failed one are stored.
        """
        checks.listed("models", models, str, "a list of models (texts such as 'provider:model')")
        checks.function("own", own)
        if again is not None:
            checks.whole("again", again, at_least=0)
        compare_id = new_id()
        together: SendOptions = {"activate": False, "compare_id": compare_id}
        asks = [
            self._ask(content, MessageRole.USER, model, {**options, **together, **own(model)})
            for model in models
        ]
        self.manager.check_open()
        streams: list[MessageStream] = []
        joins = None if again is None else await self._place_of_turn(again)
        number: int | None = None
        for ask in asks:
            stream = self._stream(replace(ask, facts=replace(ask.facts, joins=joins, ask=number)))
            await stream.begin()
            streams.append(stream)
            if joins is None and stream.place is not None and stream.question is not None:
                joins, number = (stream.question.turn or 0, stream.place.parent), stream.place.ask
        return streams

    async def _place_of_turn(self, turn: int) -> tuple[int, int | None]:
        tree = await self.tree()
        questions = tree.questions(turn)
        if not questions:
            raise SessionNotFoundError(f"No turn {shown(turn)} in session {self.session_id!r}.")
        here = tree.turn_on_path(turn)
        return turn, tree.place_of(questions[-1] if here is None else here.question)

    async def plan_message(
        self,
        content: str,
        role: MessageRole | QuestionRole = MessageRole.USER,
        *,
        model: str | None = None,
        **options: Unpack[SendOptions],
    ) -> SendPlan:
        """Return what sending a message would do, without sending it: its place, and exactly what would be sent.

        Parameters
        ----------
        content, role, model, **options
            As in `stream_message`. It is not checked whether the session is busy, or whether a message with this id
            exists.

        Raises
        ------
        SessionValueError, SessionTypeError
            An argument is not allowed.
        ContextLengthError
            A limit is exceeded, and nothing may be left out.
        SchemaRouteError
            The model cannot be asked for an answer of the schema.
        """
        ask = await resolved(self._ask(content, role, model, options), self)
        return await plan(ask, self, await self._answering(ask))

    async def _answering(self, ask: Ask) -> Answering | None:
        """Return how an ask would ask for a value; None when it asks for words."""
        if ask.schema is None:
            return None
        from .fitting import Fitting  # what is only planned seldom asks for one

        provider = ask.provider_session or self.manager.provider_session(ask.settings.provider)
        return await Fitting(provider, ask, self.manager).choose_route(ask.schema)

    def _ask(
        self, content: str, role: MessageRole | str, model: str | None, options: Mapping[str, Any]
    ) -> Ask:
        ask = make_ask(content, role, lambda changes: self.settings_for(model, changes), options)
        self.storage.bounds.check("max_message_chars", "content", ask.message.content)
        return ask

    async def regenerate(
        self, message_id: str | None = None, *, model: str | None = None, **options: Unpack[AnswerOptions]
    ) -> SessionMessage:
        """Answer a question again; the reply becomes a new version beside the old ones.

        Parameters
        ----------
        message_id, model, **options
            As in `stream_regenerate`.

        Raises
        ------
        SessionNotFoundError
            There is no such message, or no question yet.
        SessionError
            As in `stream_message`.
        """
        return await self.stream_regenerate(message_id, model=model, **options).read()

    def stream_regenerate(
        self, message_id: str | None = None, *, model: str | None = None, **options: Unpack[AnswerOptions]
    ) -> MessageStream:
        """Answer a question again and return the reply as an async iterator of `Delta`, as `stream_message` does.

        Parameters
        ----------
        message_id : str, optional
            The question or one of its replies; by default the last question of the active path.
        model : str, optional
            Another model, ``"model"`` or ``"provider:model"``.
        **options
            Settings for this send only, and how it is sent; see `AnswerOptions`. Without ``schema``, a question whose
            last answer was asked for with one is asked with the same; ``schema=None`` asks for words.

        Raises
        ------
        SessionNotFoundError
            While reading: there is no such message, or no question yet.
        SessionError
            As in `stream_message`.
        """
        ask = self._ask_again(message_id, model, options)
        self.manager.check_open()
        return self._stream(ask)

    async def plan_regenerate(
        self, message_id: str | None = None, *, model: str | None = None, **options: Unpack[AnswerOptions]
    ) -> SendPlan:
        """Return what answering a question again would send, as `plan_message` does."""
        ask = await resolved(self._ask_again(message_id, model, options), self)
        return await plan(ask, self, await self._answering(ask))

    def _ask_again(self, message_id: str | None, model: str | None, options: Mapping[str, Any]) -> Ask:
        return make_ask_again(message_id, lambda changes: self.settings_for(model, changes), options)

    def settings_for(self, model: str | None, changes: Mapping[str, Any]) -> SessionSettings:
        """Return the session's settings with the changes for one send.

        Raises
        ------
        SessionValueError, SessionTypeError
            A name is misspelt, or a value not allowed.
        """
        return settings_of(self.settings, model, changes)
