"""`LoggingProvider`: keeps what each model is sent, and answers as a walk says."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Mapping, Sequence

from langswarm_nb.core.session import (
    Delta,
    Finish,
    FinishReason,
    IProviderSession,
    MessageRole,
    ProviderRequest,
    ProviderServerError,
    ReplyInfo,
)
from langswarm_nb.core.session.provider_events import ProviderEvent
from tests.conversation.driver import Outcome, Request

ANSWERED = Outcome("ok", "yes")


class LoggingProvider(IProviderSession):
    """A service in this process, one for each kernel of a walk.

    Parameters
    ----------
    name
        What it stands in for.
    models
        What walks call its models.
    """

    def __init__(self, name: str, models: Mapping[str, str]) -> None:
        self.name = name
        self._models = models
        self.requests: list[Request] = []
        """What was sent since somebody looked."""
        self.outcomes: list[Outcome] = []
        """What comes next, in the order of the requests."""
        self.holds: bool = False
        """Whether answers wait until they are let go."""
        self.arrived = threading.Event()
        """Set when a request waits for its answer."""
        self._go: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def stream(self, request: ProviderRequest) -> AsyncIterator[ProviderEvent]:
        """Answer, fail, or end as if it was stopped."""
        self.requests.append(told(self._models.get(request.model, f"{self.name}:{request.model}"), request))
        yield ReplyInfo(model=request.model)
        if self.holds:
            await self._wait()
        outcome = self.outcomes.pop(0) if self.outcomes else ANSWERED
        if outcome.text:
            yield Delta(outcome.text)
        match outcome.status:
            case "error":
                raise ProviderServerError("It failed, as the walk says.", provider=self.name)
            case "stopped":
                raise asyncio.CancelledError
        yield Finish(FinishReason.STOP, "stop")

    async def _wait(self) -> None:
        self._loop, self._go = asyncio.get_running_loop(), asyncio.Event()
        self.arrived.set()
        await self._go.wait()

    def let_go(self, outcomes: Sequence[Outcome]) -> None:
        """Answer the request that waits."""
        assert self._loop is not None
        assert self._go is not None
        self.holds, self.outcomes = False, list(outcomes)
        self.arrived.clear()
        self._loop.call_soon_threadsafe(self._go.set)

    def take(self) -> tuple[Request, ...]:
        """Return what was sent since the last look."""
        requests, self.requests = tuple(self.requests), []
        return requests


def told(model: str, request: ProviderRequest) -> Request:
    """Return a request as walks write it."""
    systems = [message.content for message in request.messages if message.role is MessageRole.SYSTEM]
    return Request(
        model,
        "\n\n".join(systems),
        tuple(
            (message.role.value, message.content)
            for message in request.messages
            if message.role is not MessageRole.SYSTEM
        ),
    )
