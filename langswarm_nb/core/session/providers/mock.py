"""`MockProviderSession`: the same answers every time, offline, for a first look, demos and tests."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from langswarm_nb.core.session import errors as e
from langswarm_nb.core.session.conversation.on_asyncio import check_loop
from langswarm_nb.core.session.interfaces import IProviderSession
from langswarm_nb.core.session.messages import FinishReason, MessageRole, SessionMessage, Usage
from langswarm_nb.core.session.parts.blobs import bytes_of
from langswarm_nb.core.session.parts.twins import facts_of, name_of
from langswarm_nb.core.session.provider_events import (
    Delta,
    Finish,
    Intake,
    ModelInfo,
    PartDone,
    ProviderEvent,
    ProviderRequest,
    ReplyInfo,
    RetryNotice,
)
from langswarm_nb.core.session.text import nearest

from .intakes import intake_of
from .mock_failures import ERRORS, failure
from .mock_tools import played

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Sequence

    from langswarm_nb.core.session.parts.vocabulary import Part
    from langswarm_nb.core.session.provider_events import Decision, DecisionRequest, Route

__all__ = ["ERRORS", "MODELS", "MockProviderSession"]

Step: TypeAlias = "str | ProviderEvent | RetryNotice | BaseException"
Reply: TypeAlias = "str | BaseException | Sequence[Step] | Callable[[ProviderRequest], Reply]"
"""A text, streamed word by word; an error to raise; the steps of a stream; or a function of the request that
returns one of these. Steps are texts, events, errors (raised at that place) and `RetryNotice`."""

MODELS = {
    "echo": "repeats what you say, describes what is attached; stands in for every model name not listed below",
    "slow": "counts to 100, one number every 50 ms",
    "error": "fails; the option `error` chooses how: authentication, not_found, request, …",
    "script": "shows Markdown, code and a table, turn by turn, or the option `reply`; misses a schema at first",
}
_SCRIPT = (
    "# A scripted reply\n\nThis is **mock:script**: the same in every run, *offline*.\n\n- first\n- second\n",
    "Some code:\n\n```python\ndef add(a, b):\n    return a + b\n```\n",
    "| name | value |\n|---|---|\n| a | 1 |\n| b | 2 |\n",
    "Euler: $e^{i\\pi} + 1 = 0$, and 1 < 2 & 3 > 2.\n",
)
_WORDS = re.compile(r"\s*\S+\s?|\s+")
_SLOW_DELAY_S = 0.05


class MockProviderSession(IProviderSession):
    """A model service inside the process: deterministic, scriptable, and never on the network.

    Parameters
    ----------
    api_key
        Ignored; accepted so that the mock can stand in for any provider.
    replies
        Answers to the requests, one after the other, whatever model is asked; see `Reply`. A request after the last
        answer is refused. Without replies the model name decides, see `MODELS`.
    delay_s
        Seconds before each piece; the model ``slow`` waits 0.05 by default, the others do not.
    chunk_chars
        Characters per piece; None streams word by word.
    count_tokens
        Whether usage is reported: for each message of the input a token per 4 characters, rounded up, and for the
        output one token per word.
    routes
        How its models can be asked for an answer of a schema; by default ``strict``, ``tool`` and ``prompt``, and
        ``prompt`` alone for the model ``script``.

    Attributes
    ----------
    requests : deque of ProviderRequest
        The last 100 requests, in order.
    conversations : dict of str to list of SessionMessage
        The conversations of native sessions; empty it to simulate a service that lost them.

    Notes
    -----
    Its tools are ``web_search`` and ``code_interpreter``, which the model ``echo`` simulates; nothing is searched or
    run.

    A schema is answered by a value that fits it, made of words and numbers of the question; by ``script`` at first
    by one that does not.

    Two options can come with a request: ``reply`` (text to answer with) and ``error`` (one of `ERRORS`).

    Examples
    --------
    >>> mock = MockProviderSession(replies=["Hello!", ["Half of", TimeoutError()]])
    """

    name = "mock"
    supports_native = True

    def __init__(
        self,
        api_key: object = None,
        *,
        replies: Iterable[Reply] | None = None,
        delay_s: float | None = None,
        chunk_chars: int | None = None,
        count_tokens: bool = True,
        routes: Iterable[Route] | None = None,
    ) -> None:
        self.requests: deque[ProviderRequest] = deque(maxlen=100)
        self.conversations: dict[str, list[SessionMessage]] = {}
        self._replies = None if replies is None else list(replies)
        self._delay_s = delay_s
        self._chunk_chars = chunk_chars
        self._count_tokens = count_tokens
        self._routes = None if routes is None else tuple(routes)
        self._count = 0
        self._is_closed = False

    async def stream(self, request: ProviderRequest) -> AsyncIterator[ProviderEvent]:
        """Yield the scripted reply, its usage and its end.

        Raises
        ------
        SessionClosedError
            The provider was closed.
        ProviderSessionError
            The script or the option ``error`` simulates one, or no reply is left.
        SessionValueError
            The option ``error`` is not one of `ERRORS`.
        """
        check_loop()
        if self._is_closed:
            raise e.SessionClosedError("The mock provider was closed. Create a new one.")
        self.requests.append(request)
        self._count += 1
        number = self._count
        native_id, messages = self._conversation(request)
        steps = self._steps(request, messages)
        yield ReplyInfo(
            model=request.model if self._replies is not None or request.model in MODELS else "echo",
            provider_message_id=f"mock_msg_{number}",
            request_id=f"mock_req_{number}",
            native_id=native_id,
        )
        texts: list[str] = []
        finish = Finish(FinishReason.STOP, "stop")
        usage: Usage | None = None
        async for event in self._play(steps, request):
            if isinstance(event, Finish):
                finish = event
            elif isinstance(event, Usage):
                usage = event
            else:
                if isinstance(event, Delta) and event.kind == "text":
                    texts.append(event.text)
                elif isinstance(event, PartDone) and event.part["type"] == "tool_call":
                    finish = Finish(FinishReason.TOOL_CALLS, "tool_calls")
                yield event
        if native_id is not None:
            answer = SessionMessage(role=MessageRole.ASSISTANT, content="".join(texts))
            self.conversations[native_id] = [*messages, answer]
        if usage is None and self._count_tokens:
            usage = _counted(messages, "".join(texts))
        if usage is not None:
            yield usage
        yield finish

    async def decide(self, request: DecisionRequest) -> Decision:
        """Decide by the words of the messages, the same in every run; raises what `stream` raises.

        Of scripted replies an error is raised, and others count for nothing here.
        """
        from .mock_decisions import mock_decision  # few ask for it

        check_loop()
        if self._is_closed:
            raise e.SessionClosedError("The mock provider was closed. Create a new one.")
        self.requests.append(request.request)
        self._count += 1
        if self._replies or request.request.model == "error":
            self._steps(request.request, request.request.messages)
        await _wait(self._delay_s or 0.0, request.request)
        return mock_decision(request, self._count)

    async def intake(self, model: str, *, native: bool = False) -> Intake:
        """Return an intake that takes everything and has the simulated tools."""
        known = intake_of(self.name, model)
        return known if self._routes is None else replace(known, routes=self._routes)

    async def list_models(self) -> list[ModelInfo]:
        """Return the models of `MODELS`."""
        return [ModelInfo(model, name=f"{model}: {what}", owned_by="mock") for model, what in MODELS.items()]

    async def delete_conversation(self, native_id: str) -> bool:
        """Forget a native conversation; False when it is not held."""
        return self.conversations.pop(native_id, None) is not None

    async def close(self) -> None:
        """Refuse all further requests."""
        self._is_closed = True

    def _conversation(self, request: ProviderRequest) -> tuple[str | None, Sequence[SessionMessage]]:
        """Return the native id, when there is one, and all that the model gets to see."""
        if not request.native:
            return None, request.messages
        held = self.conversations.get(request.native_id or "")
        if held is not None and request.native_id is not None:
            return request.native_id, [*held, *request.messages[request.new_from :]]
        # New, or lost: begun with the whole path, as a real service is.
        return f"mock_conv_{self._count}", request.messages

    def _steps(self, request: ProviderRequest, messages: Sequence[SessionMessage]) -> Sequence[Step]:
        reply = self._reply(request, messages)
        while callable(reply):
            reply = reply(request)
        if isinstance(reply, BaseException):  # refused before anything came
            raise reply
        return [reply] if isinstance(reply, str) else reply

    def _reply(  # noqa: PLR0911 - one for each model
        self, request: ProviderRequest, messages: Sequence[SessionMessage]
    ) -> Reply:
        if self._replies is not None:
            if not self._replies:
                raise e.ProviderRequestError(
                    f"The mock has no reply left for request {self._count}. Give it more `replies`.",
                    provider=self.name,
                    model=request.model,
                )
            return self._replies.pop(0)
        if "reply" in request.options:
            return str(request.options["reply"])
        asked = [message for message in messages if message.role is MessageRole.USER] or [SessionMessage()]
        questions = [message.content for message in asked]
        match request.model:
            case "error":
                return failure(request.options.get("error", "server"))
            case _ if request.schema is not None:
                from .mock_answers import conversed  # few are asked for

                return conversed(request.schema.schema, messages, misses=request.model == "script")
            case "slow":
                return " ".join(map(str, range(1, 101)))
            case "script":
                return _SCRIPT[(len(questions) - 1) % len(_SCRIPT)]
            case _:
                said = [_echo(request.model, questions), *map(_described, asked[-1].attachments)]
                return [*played(request.tools, questions[-1]), "\n\n".join(said)]

    async def _play(self, steps: Sequence[Step], request: ProviderRequest) -> AsyncIterator[ProviderEvent]:
        delay_s = self._delay_s
        if delay_s is None:
            delay_s = _SLOW_DELAY_S if request.model == "slow" else 0.0
        for step in steps:
            if isinstance(step, str):
                for piece in self._pieces(step) if request.stream else [step]:
                    await _wait(delay_s, request)
                    yield Delta(piece)
            elif isinstance(step, RetryNotice):
                await request.on_retry(step)
            elif isinstance(step, BaseException):
                raise step
            else:
                await _wait(delay_s, request)
                yield step

    def _pieces(self, text: str) -> list[str]:
        size = self._chunk_chars
        if size is None:
            return _WORDS.findall(text)
        return [text[start : start + size] for start in range(0, len(text), size)]


def _echo(model: str, questions: Sequence[str]) -> str:
    said = f"You said: {questions[-1]}"
    near = None if model in MODELS else nearest(model, MODELS)
    if near:
        said = f"There is no model mock:{model}, did you mean mock:{near}?\n\n{said}"
    if len(questions) > 1:
        return said
    stands_in = "" if model == "echo" else f" in place of {model}"
    return (
        f"I am mock:echo{stands_in}: no model is asked, I work offline and repeat what I am told. "
        f"Choose a model as `provider:model` for real answers.\n\n{said}"
    )


def _described(attachment: Part) -> str:
    """Return what the mock sees of an attachment."""
    kind = {"image": "an image", "audio": "a recording"}.get(attachment["type"], "a file")
    facts = facts_of({**attachment, "size": attachment.get("size", _size(attachment))})
    return f"You attached {name_of(attachment) or 'something'}: {', '.join([kind, *facts])}."


def _size(attachment: Part) -> int | None:
    return len(bytes_of(attachment["data"])) if "data" in attachment else None


def _counted(messages: Sequence[SessionMessage], answer: str) -> Usage:
    return Usage(
        input_tokens=sum((len(message.content) + 3) // 4 for message in messages),
        output_tokens=len(_WORDS.findall(answer)),
    )


async def _wait(delay_s: float, request: ProviderRequest) -> None:
    remaining_s = request.remaining_s
    await asyncio.sleep(max(0.0, min(delay_s, remaining_s)))  # also lets others run, and a cancel arrive
    if remaining_s < delay_s:
        raise e.ProviderTimeoutError(
            f"mock:{request.model} did not finish within timeout_s={request.timeout_s:g}. Raise timeout_s.",
            provider="mock",
            model=request.model,
            maybe_processed=True,
        )
