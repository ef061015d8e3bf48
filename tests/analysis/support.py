"""Sessions to make frames of, and a storage of another kind."""

from __future__ import annotations

import contextlib
from typing import Any, Literal

import pandas as pd

from langswarm_nb.core.session import (
    BaseSession,
    Finish,
    FinishReason,
    ISessionStorage,
    MessageRole,
    PartDone,
    ProviderSessionError,
    ReplyInfo,
    SessionManager,
    SessionMessage,
    Usage,
)
from langswarm_nb.core.session.providers.mock import MockProviderSession

TEXT = "str" if int(pd.__version__.split(".")[0]) >= 3 else "string"
CALL = {"type": "tool_call", "id": "call-1", "name": "add", "arguments": '{"a": 1}'}
ANY_TEXT = "Zürich 😀 \0 \u2028 \ud7ff\uffff 'quotes\" =1+1 <script>"


def custom_storage(inner: ISessionStorage) -> ISessionStorage:
    """Return a storage of another kind over ``inner``: it keeps the contract and has nothing else."""

    def relayed(name: str) -> Any:
        async def method(self: ISessionStorage, *values: Any, **named: Any) -> Any:
            return await getattr(inner, name)(*values, **named)

        return method

    methods = {name: relayed(name) for name in {*ISessionStorage.__abstractmethods__, "read_blobs"}}
    storage: ISessionStorage = type(
        "CustomStorage", (ISessionStorage,), {"name": "a custom storage", **methods}
    )()
    return storage


async def fill(manager: SessionManager) -> None:
    """Make sessions that show every column filled and empty: versions, tools, errors, stops, other users."""
    mock = MockProviderSession()
    manager.add_provider_session("mock", mock)
    ada = await manager.create_session(
        "ada", "mock", "echo", system="Be kind.", title="First", metadata={"n": 1}
    )
    await ada.send_message("Hello!", metadata={"of": ["mine", None]}, source="magic", cell_id="cell-1")
    question = (await ada.get_messages())[1]
    await ada.stream_message("Hello again!", version_of=question.id, source="magic", cell_id="cell-1").read()
    await ada.regenerate()
    await ada.send_message(ANY_TEXT, temperature=0.5, options={"k": [1]})
    with contextlib.suppress(ProviderSessionError):
        await ada.send_message("Fail.", model="mock:error")
    stream = ada.stream_message("Count.", model="mock:echo", stream=True)
    async for _ in stream:
        break
    await stream.aclose()
    await _tools(manager)
    bob = await manager.create_session("bob", "mock", "other-model", session_id="bob's; DROP TABLE")
    await bob.send_message("Hi.", stream=False)
    await manager.storage.append_messages(
        bob.session_id,
        [SessionMessage(role=MessageRole.ASSISTANT, content="From elsewhere.", source="import")],
    )
    await bob.hide((await bob.get_messages())[0].id)
    await bob.archive()
    await manager.create_session("cyd", "mock", "echo")


async def grown(manager: SessionManager, session_id: str = "grown") -> BaseSession:
    """Make a session with all that a tree can have, and return it.

    Versions, an aside, a comparison that was chosen and one that was not, hidden turns on two branches, former tips,
    system texts of every scope, a failed turn, a cell's asks.
    """
    session = await manager.create_session(
        "dan", "mock", "echo", system="Be brief.", title="Grown", session_id=session_id
    )
    await manager.storage.update_session(session_id, home="/notes/Grown.ipynb")
    await session.send_message("My cat is called Minka.", source="magic", cell_id="a")
    await session.send_message("What is she called?", source="magic", cell_id="b", system="Answer in French.")
    await session.send_message("And my dog?", source="panel")
    await session.undo()
    question = (await session.get_messages())[-2]
    await session.stream_message("What is her name?", version_of=question.id, cell_id="b").read()
    await session.regenerate()
    await session.send_message("By the way?", history=False, cell_id="c")
    for choice in (1, None):
        streams = await session.stream_comparison("Who?", ["mock:echo", "mock:script"])
        replies = [await stream.read() for stream in streams]
        if choice is not None:
            await session.use_version(replies[choice].id)
    await session.hide(question.id)
    await session.fork(at=0, name="idea")
    await session.add_system_message("No jokes.")
    with contextlib.suppress(ProviderSessionError):
        await session.send_message("Fail.", model="mock:error")
    await session.hide((await session.get_messages())[1].id)
    await session.fork(name="third")
    await session.switch_branch("idea")
    return session


async def _tools(manager: SessionManager) -> None:
    usage = Usage(input_tokens=9, cached_input_tokens=4, output_tokens=6, reasoning_tokens=2)
    info = ReplyInfo(model="counted-1", cost_usd=0.25, details={"tier": "flex"})
    steps: Any = ["Let me see.", PartDone(CALL), info, usage, Finish(FinishReason.TOOL_CALLS, "tool_calls")]
    manager.add_provider_session("tooled", MockProviderSession(replies=[steps, "It is 2."]))
    session: BaseSession = await manager.create_session("ada", "tooled", "any")
    await session.send_message("What is 1 + 1?", source="panel")
    result = {"type": "tool_result", "tool_call_id": "call-1", "content": "2"}
    await session.send_message("", MessageRole.TOOL, parts=[result])


def check_columns(frame: pd.DataFrame, contract: dict[str, str]) -> None:
    """Assert names, order and dtypes of the columns, and a plain index."""
    assert list(frame.columns) == list(contract)
    assert {name: str(frame[name].dtype) for name in contract if frame[name].dtype != contract[name]} == {}
    assert isinstance(frame.index, pd.RangeIndex)
    assert (frame.index.start, frame.index.step) == (0, 1)


def as_rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the frame as dicts of plain values, None for NA."""
    plain = frame.astype(object).where(frame.notna(), None)
    return [{str(name): value for name, value in row.items()} for row in plain.to_dict("records")]


async def stored_rows(manager: SessionManager, branch: Literal["active", "all"]) -> list[dict[str, Any]]:
    """Return what `messages_df` must hold, made from the storage's own messages."""
    rows: list[dict[str, Any]] = []
    for record in await manager.storage.list_sessions():
        messages = await manager.storage.get_messages(record.session_id, branch="all")
        ids = {message.seq: message.id for message in messages}
        calls = {part["id"]: part["name"] for m in messages for part in m.tool_calls}
        for m in messages:
            if branch == "active" and not m.is_active:
                continue
            results = [part for part in m.parts if part["type"] == "tool_result"]
            result: Any = next(iter(results), {})
            rows.append(
                {
                    "session_id": record.session_id,
                    "message_id": m.id,
                    "seq": m.seq,
                    "turn": m.turn,
                    "role": m.role.value,
                    "content": m.content,
                    "content_chars": len(m.content),
                    "created_at": pd.Timestamp(m.timestamp),
                    "user_id": record.user_id,
                    "provider": m.request and m.request.provider,
                    "model": m.request and (m.request.model or m.request.request_model),
                    "finish_reason": m.finish_reason,
                    "request_id": m.request and m.id,
                    "tool_call_id": result.get("tool_call_id"),
                    "tool_name": calls.get(result.get("tool_call_id")),
                    "n_tool_calls": len(m.tool_calls) if m.role is MessageRole.ASSISTANT else None,
                    "parent_id": ids.get(m.parent_seq),
                    "version": m.version,
                    "is_active": m.is_active,
                    "source": m.source,
                    "cell_id": m.cell_id,
                    "metadata_json": dict(m.metadata) or None,
                    "n_attachments": len(m.attachments),
                    "n_citations": len(m.citations),
                    "session": record.title or record.session_id[:8],
                    "home": record.home,
                    "is_hidden": m.is_hidden,
                    "is_aside": m.is_aside,
                    "status": m.request and m.request.status,
                    "tool_result": "\n\n".join(part["content"] for part in results) if results else None,
                }
            )
    return rows
