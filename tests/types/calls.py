"""Right and wrong calls, as users write them: a type checker takes the right ones and marks each wrong one.

Nothing here is run. A wrong call says ``type: ignore``; strict checkers complain about one that is not needed, so
that a mistake which they no longer see fails the check.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, assert_type

from langswarm_nb.core.session import (
    BaseSession,
    Delta,
    Finish,
    FinishReason,
    InMemorySessionStorage,
    IProviderSession,
    ISession,
    ISessionLifecycleHook,
    ISessionManager,
    MessageRole,
    MessageStream,
    MockProviderSession,
    Part,
    ProviderEvent,
    ProviderRequest,
    ProviderSessionError,
    RequestFacts,
    SearchHit,
    SendOptions,
    SessionBackend,
    SessionContext,
    SessionManager,
    SessionMessage,
    SessionSettings,
    SettingValues,
    SQLiteSessionStorage,
    Usage,
    create_session_manager,
    create_simple_session,
    session_context,
)


async def managers() -> None:
    """Storages and providers by name."""
    create_session_manager()
    create_session_manager(
        "memory", providers={"openai": "sk-…", "groq": {"api_key": "gsk-…", "silence_s": 60}}
    )
    create_session_manager("redis")  # type: ignore[arg-type]
    create_session_manager(storge="memory")  # type: ignore[call-arg]
    create_session_manager("memory", providers={"openai": 5})  # type: ignore[dict-item]
    await create_simple_session("ada", storage="sqlite")
    await create_simple_session("ada", storage="disk")  # type: ignore[arg-type]
    SessionManager(InMemorySessionStorage(), {"mock": MockProviderSession()})
    SessionManager(SQLiteSessionStorage("sessions.db"))
    SessionManager("memory")  # type: ignore[arg-type]


async def creations(manager: SessionManager) -> None:
    """Settings of a session, by name."""
    session = await manager.create_session("ada", "mock", "echo", temperature=0.2, stop="END", title="t")
    assert_type(session, BaseSession)
    await manager.create_session("ada", "mock", "echo", "provider_native")
    await manager.create_session("ada", "mock", "echo", SessionBackend.LOCAL, options={"top_k": 5})
    await manager.create_session("ada", "mock", "echo", "native")  # type: ignore[arg-type]
    await manager.create_session("ada", "mock", "echo", temprature=0.2)  # type: ignore[call-arg]
    await manager.create_session("ada", "mock", "echo", temperature="hot")  # type: ignore[arg-type]
    await manager.create_session("ada", "mock", "echo", trim="newest")  # type: ignore[arg-type]
    common: SettingValues = {"max_tokens": 100}
    await manager.create_session("ada", "mock", "echo", **common)
    wrong: SettingValues = {"max_token": 100}  # type: ignore[typeddict-unknown-key]
    del wrong
    await manager.list_user_sessions("ada", status="archived")
    await manager.list_user_sessions("ada", status="old")  # type: ignore[arg-type]


async def sends(session: BaseSession) -> None:
    """What a send takes, and what it returns."""
    reply = await session.send_message("Hello!", temperature=0.2, system="Be brief.", options={"top_k": 5})
    assert_type(reply, SessionMessage)
    assert_type(session.stream_message("Hello!"), MessageStream)
    await session.send_message("Hello!", temprature=0.2)  # type: ignore[call-arg]
    await session.send_message("Hello!", top_k=5)  # type: ignore[call-arg]
    await session.send_message("Hello!", max_tokens="many")  # type: ignore[arg-type]
    await session.send_message("Hello!", role="robot")  # type: ignore[arg-type]
    await session.send_message("Hello!", role="system")  # type: ignore[arg-type]
    await session.send_message(
        "4", "tool", parts=[{"type": "tool_result", "tool_call_id": "1", "content": "4"}]
    )
    await session.send_message(5)  # type: ignore[arg-type]
    options: SendOptions = {"timeout_s": 5.0, "history": False}
    await session.send_message("Hello!", **options)
    session.stream_message("Hello!", historie=False)  # type: ignore[call-arg]
    async for delta in session.stream_message("Hello!"):
        assert_type(delta, Delta)
    await session.send_message("Hello!", when_busy="raise", expected_tip=reply.id, message_id="client-7")
    await session.send_message("Hello!", when_busy="later")  # type: ignore[arg-type]
    await session.send_message("Hello!", message_id=7)  # type: ignore[arg-type]
    await session.regenerate(reply.id, when_busy="wait", expected_tip="")
    await session.add_system_message("Be brief.", when_busy="raise", expected_tip=reply.id)
    await session.add_system_message("Be brief.", when_busy=True)  # type: ignore[arg-type]
    assert_type(await session.regenerate(model="mock:script"), SessionMessage)
    assert_type(session.stream_regenerate(retries=0), MessageStream)
    await session.regenerate(system="Be brief.")  # type: ignore[call-arg]
    await session.stream_regenerate()  # type: ignore[misc]


async def messages(session: BaseSession) -> None:
    """What is read, and what the fields are called."""
    reply = (await session.get_messages(role="assistant"))[-1]
    assert_type(reply.content, str)
    assert_type(reply.role, MessageRole)
    assert_type(reply.usage, Usage | None)
    assert_type(reply.request, RequestFacts | None)
    assert_type(reply.parts, tuple[Part, ...])
    reply.contnet  # type: ignore[attr-defined]  # noqa: B018
    reply.tokens  # type: ignore[attr-defined]  # noqa: B018
    reply.content = "other"  # type: ignore[misc]
    await session.get_messages(role="robot")  # type: ignore[arg-type]
    await session.get_messages(branch="main")  # type: ignore[arg-type]
    await session.append([SessionMessage(role=MessageRole.USER, content="x")], parent=3, activate=False)
    await session.append([SessionMessage(content="x")], expected_tip="", once=True)
    await session.append([SessionMessage(content="x")], parrent=3)  # type: ignore[call-arg]
    await session.append(["x"])  # type: ignore[list-item]


async def changes(session: BaseSession) -> None:
    """Settings, status, forms of exports."""
    assert_type(await session.update_settings(model="mock:script", max_messages=None), SessionSettings)
    await session.update_settings(max_mesages=3)  # type: ignore[call-arg]
    await session.update_settings(backend="remote")  # type: ignore[arg-type]
    session.settings.updated(top_p=0.5)
    session.settings.updated(top_q=0.5)  # type: ignore[call-arg]
    session.settings.temprature  # type: ignore[attr-defined]  # noqa: B018
    await session.set_status("paused")
    await session.set_status("asleep")  # type: ignore[arg-type]
    await session.export("x.md", format="md")
    await session.export(format="docx")  # type: ignore[arg-type]


async def contexts(session: BaseSession, contract: ISession) -> None:
    """The session that a context yields is the one that it got."""
    assert_type(session_context(session), SessionContext[BaseSession])
    async with session_context(session) as chat:
        assert_type(chat, BaseSession)
    async with SessionContext(contract) as other:
        assert_type(other, ISession)
    session_context("ada")  # type: ignore[type-var]


async def services(manager: ISessionManager) -> None:
    """What a service does, by the contract alone."""
    async with manager as opened:
        assert_type(opened, ISessionManager)
        session = await opened.create_session("ada", "mock", "echo", title="t", system="s", max_tokens=5)
        assert_type(session, ISession)
        assert_type(await opened.search_messages("x"), list[SearchHit])
        assert_type(await opened.list_user_sessions("ada", status="active"), Sequence[ISession])
        assert_type(await opened.cleanup_inactive_sessions(1), int)
        assert_type(await opened.health_check(), dict[str, Any])
        assert_type(session.title, str | None)
        assert_type(session.provider, str)
        await session.rename("new")
        await session.refresh()
        await session.regenerate()
        await session.send_message("x", temprature=1)  # type: ignore[call-arg]
        await session.renam("new")  # type: ignore[attr-defined]
    await manager.close()


class Bell(ISessionLifecycleHook):
    """A hook acts on the session that it gets."""

    async def on_error(self, session: ISession, error: Exception) -> None:
        if isinstance(error, ProviderSessionError) and error.question is not None:
            assert_type(error.question, SessionMessage)
            await session.regenerate(error.question.id)

    async def on_message_received(self, session: ISession, message: str) -> None:  # type: ignore[override]
        """Take what is not a message."""


class Shouting(IProviderSession):
    """A provider of one's own yields events."""

    name = "shouting"

    async def stream(self, request: ProviderRequest) -> AsyncIterator[ProviderEvent]:
        yield Delta(request.messages[-1].content.upper())
        yield Finish(FinishReason.STOP)
        yield "text"  # type: ignore[misc]
