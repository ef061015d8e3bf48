"""A server that only streams, in Chat Completions or Messages, as fast as asked; a process of its own for benchmarks.

``python -m tests.support.stream_server`` prints its port and serves until its stdin ends.
The query says what to send: ``?deltas=1000&pause_ms=0`` (at the end of ``base_url`` there is none, so the model's
name carries it: ``deltas=1000,pause_ms=0``, or with ``&`` where a comma has a meaning; another
name gets one piece). A request that wants no stream gets a whole chat completion.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.paths import REPOSITORY

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def event(text: str, **more: object) -> bytes:
    """Return one event of a chat stream, as a chunk of HTTP."""
    choice = {"index": 0, "delta": {"content": text} if text else {}, "finish_reason": None, **more}
    body = {
        "id": "chatcmpl-0123456789",
        "object": "chat.completion.chunk",
        "created": 1732000000,
        "model": "bench",
        "system_fingerprint": "fp_0123456789",
        "choices": [choice],
    }
    return chunk(b"data: " + json.dumps(body, separators=(",", ":")).encode() + b"\n\n")


def named(name: str, **body: object) -> bytes:
    """Return one event of a Messages stream, as a chunk of HTTP."""
    data = json.dumps({"type": name, **body}, separators=(",", ":"))
    return chunk(f"event: {name}\ndata: {data}\n\n".encode())


def block_delta(text: str) -> bytes:
    """Return a piece of text of a Messages stream."""
    return named("content_block_delta", index=0, delta={"type": "text_delta", "text": text})


def chunk(data: bytes) -> bytes:
    """Return bytes as a chunk of HTTP."""
    return b"%x\r\n%b\r\n" % (len(data), data)


_REPLY = {"role": "assistant", "content": " word0", "refusal": None}
_WHOLE = json.dumps(
    {
        "id": "chatcmpl-0123456789",
        "object": "chat.completion",
        "created": 1732000000,
        "model": "bench",
        "choices": [{"index": 0, "message": _REPLY, "finish_reason": "stop", "logprobs": None}],
        "usage": {"prompt_tokens": 8, "completion_tokens": 1, "total_tokens": 9},
    }
).encode()
WHOLE = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (
    len(_WHOLE),
    _WHOLE,
)
TAIL = event("", finish_reason="stop") + chunk(b"data: [DONE]\n\n") + chunk(b"")
_MESSAGE = {"id": "msg_0123456789", "type": "message", "role": "assistant", "model": "bench", "content": []}
_USAGE = {"input_tokens": 8, "output_tokens": 1}
MESSAGES_START = named(
    "message_start", message={**_MESSAGE, "stop_reason": None, "stop_sequence": None, "usage": _USAGE}
) + named("content_block_start", index=0, content_block={"type": "text", "text": ""})
MESSAGES_TAIL = (
    named("content_block_stop", index=0)
    + named("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage=_USAGE)
    + named("message_stop")
    + chunk(b"")
)


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer the requests of one connection."""
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            size = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
            asked = json.loads(await reader.readexactly(size))
            if asked.get("stream"):
                await answer(asked["model"], writer, is_messages=b"/messages" in head.partition(b"\r\n")[0])
            else:
                writer.write(WHOLE)
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def answer(model: str, writer: asyncio.StreamWriter, *, is_messages: bool = False) -> None:
    """Stream the reply that a model's name asks for."""
    asked = dict(pair.split("=") for pair in model.replace("&", ",").split(",") if "=" in pair)
    pause_s = float(asked.get("pause_ms", 0)) / 1000
    piece = block_delta if is_messages else event
    writer.write(HEAD + (MESSAGES_START if is_messages else b""))
    for number in range(int(asked.get("deltas", 1))):
        writer.write(piece(f" word{number % 97}"))
        if pause_s:
            await asyncio.sleep(pause_s)
        await writer.drain()
    writer.write(MESSAGES_TAIL if is_messages else TAIL)
    await writer.drain()


@contextmanager
def streaming() -> Iterator[str]:
    """Yield the address of a server in a process of its own, so that its work is not counted."""
    command = [sys.executable, "-m", "tests.support.stream_server"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.stdin.close()


async def main() -> None:
    """Serve until stdin ends."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=1000)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(main())
