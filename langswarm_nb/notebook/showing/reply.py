"""`Reply`: what a cell returns, and what `Out[n]` holds."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

from langswarm_nb.core.session.errors import SessionValueError
from langswarm_nb.core.session.messages import SessionMessage, Usage
from langswarm_nb.core.session.parts.twins import twin
from langswarm_nb.core.session.text import one_line

from .amounts import cost_usd
from .code_blocks import CodeBlock, code_blocks, kind_for_cell
from .kept_file import KeptFile
from .shown_once import ShownOnce

if TYPE_CHECKING:
    import pandas as pd

    from langswarm_nb.core.session import BaseSession
    from langswarm_nb.core.session.answers.answer_schema import AnswerSchema
    from langswarm_nb.core.session.answers.questions import Question
    from langswarm_nb.core.session.parts.vocabulary import Part
    from langswarm_nb.core.session.provider_events import Route

    from .seen import Bytes

Extract = Literal["first", "last"]
_REPR_CHARS = 60


Again: TypeAlias = "Callable[[Reply, str | None, Mapping[str, Any]], Awaitable[Reply]]"
"""Asks what a reply answers once more, with another model or other settings where those are given."""


class View(Protocol):
    """Shows replies; see `langswarm_nb.notebook.showing.reply_view`."""

    def bundle(self, reply: Reply) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return a reply as MIME data with its metadata."""


class Reply(ShownOnce):
    """The answer to one prompt.

    Parameters
    ----------
    message : SessionMessage
        The reply as stored.
    question : SessionMessage
        The prompt as stored.
    session : BaseSession
        The session that holds both.
    extract : {"first", "last"}, optional
        Make `text` only this code block; `message` keeps everything.
    view : View, optional
        How it is shown; by default as plain text.
    again : callable, optional
        Asks again, under the rules of whoever asked; by default the session does.
    schema : AnswerSchema, optional
        What the answer has to be.
    questions : sequence of Question, optional
        What was to be decided.

    Examples
    --------
    ::

        %%langswarm answer <<
        Write a function that adds two numbers.

        print(answer.code, answer.usage, answer.latency_s)
    """

    def __init__(
        self,
        message: SessionMessage,
        question: SessionMessage,
        session: BaseSession,
        *,
        extract: Extract | None = None,
        view: View | None = None,
        again: Again | None = None,
        schema: AnswerSchema | None = None,
        questions: Sequence[Question] = (),
    ) -> None:
        self.message = message
        self.question = question
        self.session = session
        self._extract, self._again = extract, again
        self.schema: AnswerSchema | None = schema
        self.questions: tuple[Question, ...] = tuple(questions)
        self.attempts_before: Sequence[SessionMessage] = ()
        """The answers before it that did not fit its schema, in order."""
        self.footer = ""
        """The line below it: who answered, tokens, seconds, money, place."""
        self.place = ""
        """The end of that line: where it stands in the conversation, and what is reported about that."""
        self.view = view
        """How its cell shows it."""
        self.seen: Mapping[str, Bytes] = {}
        """By the hashes of attachments, of the question too, what its cell shows of them."""

    @property
    def line(self) -> str:
        return f"Reply({self._who}, {self.status})"

    @property
    def bundle(self) -> tuple[dict[str, Any], dict[str, Any]]:
        return ({"text/plain": self.text}, {}) if self.view is None else self.view.bundle(self)

    @property
    def text(self) -> str:
        """The answer as text; with ``-x`` or ``--xl`` only the code of that block."""
        block = self._block()
        return self.message.content if block is None else block.code

    @property
    def is_whole(self) -> bool:
        """Whether `text` is all that was answered."""
        return self._block() is None

    @cached_property
    def data(self) -> Any:
        """The value that was answered, as what its schema describes: a dict, a list, an instance of a type.

        None where no schema was asked for, and where nothing came that fits it.
        """
        from .answer_tables import data_of

        data, is_there = data_of(self.message)
        if self.schema is None or not is_there:
            return data
        if self.questions:
            from .decision_rows import record

            return record(data, self.questions)
        return self.schema.value_of(data)

    def data_df(self) -> pd.DataFrame:
        """Return the value that was answered as a frame: a row for each object, dtypes from the schema.

        Raises
        ------
        SessionValueError
            No schema was asked for.
        """
        if self.schema is None:
            raise SessionValueError(
                "This reply has no data: it was asked for without a schema. Ask with `--schema`, or `schema=`."
            )
        from langswarm_nb.analysis.answers.data_frames import data_frame

        from .answer_tables import data_of

        data, is_there = data_of(self.message)
        if self.questions:
            from langswarm_nb.core.session.answers.decided import decision_schema

            return data_frame(decision_schema(self.questions), [self.data] if is_there else [])
        return data_frame(self.schema, [data] if is_there else [])

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns of `data_df`, where the answer is a list and they are known."""
        if self.schema is None or self.schema.key != "items":
            return ()
        return tuple(column.name for column in self.schema.columns)

    @property
    def route(self) -> Route | None:
        """How the model was held to the schema: ``"strict"``, ``"tool"`` or ``"prompt"``; None without one."""
        return None if self.message.request is None else self.message.request.details.get("route")

    @property
    def attempts(self) -> int:
        """How many answers it took until one fitted the schema; 1 without one."""
        return len(self.attempts_before) + 1

    @property
    def refusal(self) -> str:
        """The words with which the model refused to answer; empty when it did not."""
        return "\n\n".join(part["text"] for part in self.message.parts if part["type"] == "refusal")

    @property
    def attachments(self) -> list[KeptFile]:
        """The images, files and recordings that the model made, each with ``save(path)``."""
        return [KeptFile(part, self.session) for part in self.message.attachments]

    @property
    def citations(self) -> list[Part]:
        """The sources that the model named: mappings with ``url``, ``title`` and ``quote``, as far as it gave them."""
        return list(self.message.citations)

    @property
    def blocks(self) -> list[CodeBlock]:
        """All fenced blocks of the answer, with their languages."""
        return code_blocks(self.message.content)

    @property
    def codes(self) -> list[str]:
        """The code of all fenced blocks."""
        return [block.code for block in self.blocks]

    @property
    def code(self) -> str | None:
        """The code of the first fenced block; None when there is none."""
        return next(iter(self.codes), None)

    @property
    def code_of_one_language(self) -> str:
        """The code that can stand in one cell: all blocks of Python, or else of the first block's language, joined."""
        return "\n\n".join(block.code for block in self.blocks if block.kind == kind_for_cell(self.blocks))

    @property
    def usage(self) -> Usage:
        """Tokens as the provider counted them; a count it does not report is None."""
        return self.message.usage or Usage()

    @property
    def cost_usd(self) -> float | None:
        """US dollars, of all its `attempts`, from the provider or the price table; None when neither knows."""
        facts = [message.request for message in (*self.attempts_before, self.message)]
        costs = [None if each is None else cost_usd(each) for each in facts]
        known = [cost for cost in costs if cost is not None]
        return sum(known) if len(known) == len(costs) else None

    @property
    def latency_s(self) -> float | None:
        """Seconds from the request to the last byte."""
        return None if self.message.request is None else self.message.request.duration_s

    @property
    def model(self) -> str:
        """The model that answered, as ``provider:model``."""
        return "" if self.message.request is None else self.message.request.model_id

    @property
    def finish_reason(self) -> str | None:
        """Why the answer ended: stop, length, content_filter, interrupted, …."""
        return self.message.finish_reason

    @property
    def status(self) -> str:
        """``"ok"``, ``"stopped"`` or ``"error"``."""
        return "ok" if self.message.request is None else self.message.request.status

    @property
    def turn(self) -> int | None:
        """Number of the turn in its session, from 0."""
        return self.message.turn

    @property
    def address(self) -> str:
        """``TURN.VERSION`` in its session, as `%langswarm use` takes it; it never changes."""
        return self.message.address

    async def retry(self, *, model: str | None = None, **changes: Any) -> Reply:
        """Ask the same question again; the answer is a new version.

        Parameters
        ----------
        model : str, optional
            Another model.
        **changes
            Settings for this send only, such as ``temperature``.

        Raises
        ------
        SessionError
            The send failed.
        """
        if self._again is not None:
            return await self._again(self, model, changes)
        message = await self.session.regenerate(self.message.id, model=model, **changes)
        reply = Reply(
            message,
            self.question,
            self.session,
            extract=self._extract,
            view=self.view,
            schema=self.schema,
            questions=self.questions,
        )
        await reply.look_at_attachments()
        return reply

    async def look_at_attachments(self) -> None:
        """Read what can be seen of attachments, for those who show the reply."""
        if self.question.attachments or self.message.attachments:
            from .seen import seen_in

            self.seen = await seen_in(self.session, self.question, self.message)

    def to_frame(self) -> pd.DataFrame:
        """Return the question and the answer as a frame of two rows, see `langswarm_nb.messages_df`."""
        from langswarm_nb.analysis import messages_df

        frame = messages_df(self.session, branch="all")
        return frame[frame["message_id"].isin([self.question.id, self.message.id])].reset_index(drop=True)

    @property
    def provenance(self) -> dict[str, Any]:
        """What the notebook file records about where the output came from; JSON."""
        facts = self.message.request
        usage = self.usage
        counts = {name: getattr(usage, name) for name in Usage.__slots__}
        return {
            "session_id": self.session.session_id,
            "message_id": self.message.id,
            "question_id": self.question.id,
            "address": self.address,
            "provider": None if facts is None else facts.provider,
            "request_model": None if facts is None else facts.request_model,
            "model": None if facts is None else facts.model,
            "status": self.status,
            "finish_reason": self.finish_reason,
            "usage": {name: count for name, count in counts.items() if count is not None},
            "prompt_sha256": hashlib.sha256(self.question.content.encode()).hexdigest(),
        }

    def __str__(self) -> str:
        return self.text

    @property
    def short(self) -> str:
        from langswarm_nb.render import plain_repr

        said = self.text or " ".join(map(twin, self.message.attachments))
        return f"Reply({self._who}, {self.status}: {plain_repr(said, _REPR_CHARS)})"

    @property
    def _who(self) -> str:
        """Who answered, on one line: the name comes from a server."""
        return one_line(self.model, _REPR_CHARS)

    def _block(self) -> CodeBlock | None:
        blocks = self.blocks if self._extract else []
        if not blocks:
            return None
        return blocks[0 if self._extract == "first" else -1]
