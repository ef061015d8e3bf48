"""What is asked before a panel sends: which model is meant, whether its key is there, what the budget allows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from langswarm_nb.core.session import BaseSession, SessionMessage, SessionSettings, parse_model_id
from langswarm_nb.notebook.asking.budget import check_cost
from langswarm_nb.notebook.asking.provider_choice import destination
from langswarm_nb.notebook.showing.amounts import UNPRICED_PROVIDERS, cost_usd, dollars_text
from langswarm_nb.notebook.workspace.keys import provider_ready

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langswarm_nb.notebook.workspace import Workspace


class Rules(Protocol):
    """What holds for the sends of a panel."""

    @property
    def budget_text(self) -> str:
        """What is left to spend, in words; empty when there is no limit."""

    def model_id(self, typed: str, session: BaseSession) -> str:
        """Return ``provider:model`` for what a reader typed."""

    def check(
        self, session: BaseSession, messages: Sequence[SessionMessage], settings: SessionSettings
    ) -> str:
        """Return what the reader should be told of this send; raise a `SessionError` when it must not be."""

    def count(self, reply: SessionMessage) -> None:
        """Take note of a reply that was paid for."""


class NoRules:
    """For panels that belong to no notebook."""

    budget_text = ""

    def model_id(self, typed: str, session: BaseSession) -> str:
        return ":".join(parse_model_id(typed, default_provider=session.provider))

    def check(
        self, session: BaseSession, messages: Sequence[SessionMessage], settings: SessionSettings
    ) -> str:
        return ""

    def count(self, reply: SessionMessage) -> None:
        pass


class WorkspaceRules:
    """Those of the cells of this notebook: their aliases, keys and budget."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    @property
    def budget_text(self) -> str:
        left = self._workspace.budget_left_usd
        return "" if left is None else f"{dollars_text(max(0.0, left))} left of the budget"

    def model_id(self, typed: str, session: BaseSession) -> str:
        return self._workspace.model_id(typed, session=session)

    def check(
        self, session: BaseSession, messages: Sequence[SessionMessage], settings: SessionSettings
    ) -> str:
        provider_ready(session.manager, settings.provider)
        if (left_usd := self._workspace.budget_left_usd) is not None:
            check_cost(left_usd, [(settings, messages)])
        found = session.manager.provider_session(settings.provider)
        return destination(self._workspace, settings.provider, found)

    def count(self, reply: SessionMessage) -> None:
        if reply.request is not None and reply.request.provider not in UNPRICED_PROVIDERS:
            self._workspace.spent_usd += cost_usd(reply.request) or 0.0
