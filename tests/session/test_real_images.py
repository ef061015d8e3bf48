"""Images over a real model server, llama.cpp's: with eyes it gets them in each dialect, without it is asked for none.

What the models say means nothing. How many tokens they read tells that an image arrived.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from langswarm_nb.core.session import (
    AttachmentError,
    BaseSession,
    ProviderSessionError,
    SessionManager,
    create_session_manager,
)
from langswarm_nb.core.session.attachments.attaching import attach
from langswarm_nb.core.session.messages import SessionMessage
from langswarm_nb.core.session.provider_events import ProviderRequest
from scripts.local_server import LocalServer
from tests.support.drawn import picture

pytestmark = pytest.mark.server

PATCHES = 4
"""So many tokens an image is, at least."""
DIALECTS = ("llamacpp", "openai", "anthropic")
WAV = (
    b"RIFF\x2c\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0data\x08\0\0\0"
    + b"\x80" * 8
)

Open = Callable[[LocalServer, str], Awaitable[BaseSession]]


@pytest.fixture
async def open_session(tmp_path: Path) -> AsyncIterator[Open]:
    """Return what makes a session with a server, in a dialect."""
    managers: list[SessionManager] = []

    async def open_one(server: LocalServer, name: str) -> BaseSession:
        config = {"db_path": str(tmp_path / f"{len(managers)}.db")}
        managers.append(create_session_manager("sqlite", config, {name: {"base_url": f"{server.url}/v1"}}))
        return await managers[-1].create_session("ada", name, server.name, max_tokens=16, temperature=0)

    yield open_one
    for manager in managers:
        await manager.close()


async def read_tokens(session: BaseSession, *things: object, stream: bool = True) -> int:
    """Ask something beside a history or not, and return how many tokens the model read."""
    reply = await session.send_message("What is this?", attachments=things, stream=stream)
    assert reply.request is not None
    assert reply.request.status == "ok"
    assert reply.content
    return reply.request.usage.input_tokens or 0


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("name", DIALECTS)
async def test_images_reach_a_model_that_sees(
    open_session: Open, seeing_server: LocalServer, name: str, stream: bool
) -> None:
    """Each of them, of each type; and those of the turn before again, beside what was answered."""
    session = await open_session(seeing_server, name)
    alone = await read_tokens(session, stream=stream)
    counts = []
    for things in ([picture()], [picture(), picture("JPEG", (64, 48))]):
        session = await open_session(seeing_server, name)
        counts.append(await read_tokens(session, *things, stream=stream))
    assert min(counts[0] - alone, counts[1] - counts[0]) >= PATCHES
    assert await read_tokens(session, stream=stream) > counts[1] + alone


@pytest.mark.parametrize("thing", [picture(), WAV], ids=["image", "sound"])
async def test_a_server_that_takes_none_says_so_before_anything_is_sent(
    open_session: Open, llama_server: LocalServer, thing: bytes
) -> None:
    """What it takes is asked of it; nothing is stored. What it would have answered is an error."""
    session = await open_session(llama_server, "llamacpp")
    sent: list[str] = []
    with pytest.raises(AttachmentError, match=r"llamacpp:tiny does not take (image|audio)/\w+"):
        await session.send_message("What?", attachments=[thing], on_send=lambda: sent.append("sent"))
    assert sent == []
    assert await session.get_messages() == []
    part = attach(thing).part
    asked = ProviderRequest("tiny", (SessionMessage(content="What?", parts=(part,)),), retries=0)
    provider = session.manager.provider_session("llamacpp")
    with pytest.raises(ProviderSessionError, match=r"input is not supported"):
        [event async for event in provider.stream(asked)]


async def test_a_server_that_sees_need_not_hear(open_session: Open, seeing_server: LocalServer) -> None:
    """It tells one from the other, so a recording is refused where an image goes."""
    session = await open_session(seeing_server, "llamacpp")
    with pytest.raises(AttachmentError, match="does not take audio/wav"):
        await session.send_message("What?", attachments=[WAV])
    assert await session.get_messages() == []


async def test_of_a_history_with_an_image_a_blind_server_gets_words(
    open_session: Open, seeing_server: LocalServer, llama_server: LocalServer
) -> None:
    """The conversation goes on, and the line below the answer says what was left out; a table goes to every model."""
    session = await open_session(seeing_server, "llamacpp")
    await read_tokens(session, picture())
    session.manager.add_provider_session(
        "llamacpp", (await open_session(llama_server, "llamacpp")).manager.provider_session("llamacpp")
    )
    stream = session.stream_message("And now?", attachments=[attach(b"a,b\n1,2\n", name="t.csv")])
    reply = await stream.read()
    assert reply.content
    assert "1 attachment sent as text only" in stream.notes
