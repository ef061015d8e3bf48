"""`IProviderSession`: the contract of an object that speaks to a model service."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator

from langswarm_nb.core.session.answers.schema_errors import no_decisions
from langswarm_nb.core.session.provider_events import (
    Decision,
    DecisionRequest,
    Intake,
    ModelInfo,
    ProviderEvent,
    ProviderRequest,
)


class IProviderSession(ABC):
    """An object that speaks to a model service; one serves many sessions, tasks and event loops at once.

    To add a provider, write `stream` and set `name`.
    """

    name: str
    """Name of the provider, as in ``openai:gpt-…``."""
    supports_native: bool = False
    """Whether it can hold a conversation (`SessionBackend.PROVIDER_NATIVE`)."""

    @abstractmethod
    def stream(self, request: ProviderRequest) -> AsyncIterator[ProviderEvent]:
        """Send a request and yield the reply as it arrives; the last event is a `Finish`.

        The iterator may be closed at any time; the connection is then closed at once.

        Raises
        ------
        ProviderSessionError
            The service refused or failed; the subclass says how. `StreamInterruptedError` when the stream ended
            without its end mark. ``maybe_processed`` says whether a retry may be charged twice.
        """

    async def intake(self, model: str, *, native: bool = False) -> Intake:
        """Return what a model takes besides text; where nothing is known, everything is sent and the service decides.

        It is called when a message has attachments, or tools are asked for.

        Parameters
        ----------
        model
            Its name.
        native
            Whether the request belongs to a conversation that the service holds.
        """
        return Intake()

    async def decide(self, request: DecisionRequest) -> Decision:
        """Answer questions about messages, with probabilities; only models whose `Intake` says that they decide can.

        Raises
        ------
        SchemaRouteError
            The service has no such thing, or not for these questions; nothing was sent.
        ProviderSessionError
            As from `stream`.
        """
        raise no_decisions(self.name, request.request.model)

    async def list_models(self) -> list[ModelInfo]:
        """Return the models that the service offers; empty when it has no such list."""
        return []

    async def delete_conversation(self, native_id: str) -> bool:
        """Delete a conversation that the provider holds; False when the service cannot."""
        return False

    async def close(self) -> None:
        """Free connections; may be called twice."""
