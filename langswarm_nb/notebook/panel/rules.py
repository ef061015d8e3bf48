"""How a panel sends: by the rules of the cells of its notebook, or plainly where there is no notebook."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from langswarm_nb.core.session import BaseSession, MessageStream, parse_model_id
from langswarm_nb.notebook.asking.sender import Sender

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from langswarm_nb.core.session.parts.vocabulary import Part
    from langswarm_nb.notebook.workspace import Workspace

    Tell = Callable[[str], None]


class Budget(NamedTuple):
    """What a kernel may spend, in US dollars."""

    limit_usd: float
    left_usd: float


class Rules(Protocol):
    """What holds for the sends of a panel; all raise a `SessionError` when nothing may be sent."""

    @property
    def budget(self) -> Budget | None:
        """What may be spent; None when there is no limit."""

    @property
    def seen_models(self) -> frozenset[str]:
        """Models that services have listed, ``provider:model``."""

    def model_id(self, typed: str, session: BaseSession) -> str:
        """Return ``provider:model`` for what a reader typed."""

    def open_send(
        self,
        session: BaseSession,
        text: str,
        tell: Tell,
        *,
        version_of: str | None = None,
        parts: Sequence[Part] = (),
    ) -> Coroutine[Any, Any, MessageStream]:
        """Return the stream of an answer; ``tell`` gets what the reader should know of where it goes."""

    def open_again(
        self, session: BaseSession, reply_id: str, tell: Tell, *, model: str | None = None
    ) -> Coroutine[Any, Any, MessageStream]:
        """Return the stream of one more answer to the question of a reply."""

    def count(self, stream: MessageStream) -> None:
        """Take note of the reply of a stream, which was paid for."""


class NoRules:
    """For panels that belong to no notebook."""

    budget = None
    seen_models: frozenset[str] = frozenset()

    def model_id(self, typed: str, session: BaseSession) -> str:
        return ":".join(parse_model_id(typed, default_provider=session.provider))

    async def open_send(
        self,
        session: BaseSession,
        text: str,
        tell: Tell,
        *,
        version_of: str | None = None,
        parts: Sequence[Part] = (),
    ) -> MessageStream:
        return session.stream_message(text, version_of=version_of, parts=parts, source="panel")

    async def open_again(
        self, session: BaseSession, reply_id: str, tell: Tell, *, model: str | None = None
    ) -> MessageStream:
        return session.stream_regenerate(reply_id, model=model)

    def count(self, stream: MessageStream) -> None:
        pass


class WorkspaceRules:
    """Those of the cells of this notebook: their settings, aliases, keys and budget."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    @property
    def budget(self) -> Budget | None:
        limit, left = self._workspace.config.budget_usd, self._workspace.budget_left_usd
        if limit is None or left is None or not math.isfinite(limit):
            return None
        return Budget(limit, left)

    @property
    def seen_models(self) -> frozenset[str]:
        return frozenset(self._workspace.seen_models)

    def model_id(self, typed: str, session: BaseSession) -> str:
        return self._workspace.model_id(typed, session=session)

    async def open_send(
        self,
        session: BaseSession,
        text: str,
        tell: Tell,
        *,
        version_of: str | None = None,
        parts: Sequence[Part] = (),
    ) -> MessageStream:
        sender = Sender(self._workspace, tell)
        return await sender.open_plain(session, text, version_of=version_of, parts=parts)

    async def open_again(
        self, session: BaseSession, reply_id: str, tell: Tell, *, model: str | None = None
    ) -> MessageStream:
        return (await Sender(self._workspace, tell).open_again(session, reply_id, model=model)).stream

    def count(self, stream: MessageStream) -> None:
        Sender(self._workspace).count(stream)
