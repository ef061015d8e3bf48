"""Two writers in one session, as two kernels are, and a provider that waits to be let go on."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from langswarm_nb.core.session import (
    BaseSession,
    Delta,
    Finish,
    FinishReason,
    IProviderSession,
    ProviderRequest,
    SessionManager,
    SessionMessage,
)


class Gate(IProviderSession):
    """Answers every request in two pieces; the second comes when the gate is open."""

    name = "mock"

    def __init__(self) -> None:
        self.requests: list[ProviderRequest] = []
        self.begun = asyncio.Event()
        self.opened = asyncio.Event()

    async def stream(self, request: ProviderRequest) -> Any:
        self.requests.append(request)
        yield Delta("re ")
        self.begun.set()
        await self.opened.wait()
        yield Delta(request.messages[-1].content)
        yield Finish(FinishReason.STOP)

    @property
    def sent(self) -> list[str]:
        """Texts of the last request."""
        return [message.content for message in self.requests[-1].messages]


@dataclass(slots=True)
class Kernel:
    """A manager with a storage of its own, and a provider that waits to be let go on."""

    manager: SessionManager
    session: BaseSession
    gate: Gate = field(default_factory=Gate)
    told: list[str] = field(default_factory=list)
    waits: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.manager.add_provider_session("mock", self.gate)

    def tell(self, text: str) -> None:
        """Hear that a send waits."""
        self.told.append(text)
        self.waits.set()

    def ask(self, text: str, **options: Any) -> asyncio.Task[SessionMessage]:
        """Begin to ask."""
        return asyncio.ensure_future(self.session.send_message(text, on_wait=self.tell, **options))

    async def path(self) -> list[str]:
        """Return the texts of the path."""
        return [message.content for message in await self.session.get_messages()]
