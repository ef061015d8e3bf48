"""`Reply`: what a cell returns, and what `Out[n]` holds."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

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
    from langswarm_nb.core.session.parts.vocabulary import Part

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
    ) -> None:
        self.message = message
        self.question = question
        self.session = session
        self._extract, self._again = extract, again
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
        """US dollars, from the provider or the price table; None when neither knows."""
        return None if self.message.request is None else cost_usd(self.message.request)

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
        reply = Reply(message, self.question, self.session, extract=self._extract, view=self.view)
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
