"""Random walks through a conversation in which values are asked for: what is sent is what stands on the path."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from langswarm_nb.core.session import BaseSession, MessageRole, SessionNotFoundError, create_session_manager
from langswarm_nb.core.session.answers.schema_errors import AnswerError
from tests.support.values import Asked

ASKED = "n int"
SENDS = st.tuples(
    st.sampled_from(["send", "regenerate", "again", "aside", "compare"]),
    st.lists(st.booleans(), min_size=4, max_size=4),
    st.integers(0, 2),
    st.booleans(),
)
MOVES = st.tuples(st.sampled_from(["undo", "use", "hide", "fork", "restart"]), st.integers(0, 30))


@settings(deadline=None, max_examples=80)
@given(st.lists(st.one_of(SENDS, MOVES), min_size=2, max_size=8))
def test_what_is_sent_stands_on_the_path(steps: list[Any]) -> None:
    """Attempts that did not fit are no part of it unless they are chosen; no message has another's place or number."""
    asyncio.run(_walk(steps))


async def _walk(steps: list[Any]) -> None:
    async with create_session_manager("memory") as manager:
        session = await manager.create_session("ada", "mock", "echo")
        walk = _Walk(session)
        for step in steps:
            if len(step) == 2:
                with suppress(SessionNotFoundError):
                    await walk.move(*step)
            else:
                await walk.send(*step)
            await walk.check_numbers()


class _Walk:
    def __init__(self, session: BaseSession) -> None:
        self._session = session
        self._said = 0

    async def move(self, what: str, where: int) -> None:
        """Go somewhere."""
        session, every = self._session, await self._session.get_messages(branch="all")
        if not every:
            return
        message = every[where % len(every)]
        if what == "undo":
            await session.undo()
        elif what == "use":
            await session.use_version(message.id)
        elif what == "hide":
            await session.hide(message.id)
        elif what == "fork":
            await session.fork(message.id)
        else:
            await session.restart()

    async def send(self, how: str, fits: list[bool], repair: int, with_schema: bool) -> None:
        """Ask, for a value or for words."""
        session = self._session
        self._said += 1
        text = f"question {self._said}"
        mock = Asked(replies=[f'{{"n": {self._said}}}' if fit else f"words {self._said}" for fit in fits])
        options: dict[str, Any] = {
            "provider_session": mock,
            "schema": ASKED if with_schema else None,
            "repair": repair,
        }
        before = await self._sendable()
        if how in ("regenerate", "again") and not [
            m for m in await session.get_messages() if m.role == "user"
        ]:
            how = "send"
        if how == "compare":
            streams = await session.stream_comparison(text, ["mock:a", "mock:b"], **{**options, "repair": 0})
            await asyncio.gather(*(stream.read() for stream in streams), return_exceptions=True)
            return
        if how == "regenerate":
            stream = session.stream_regenerate(**options)
        elif how == "again":
            question = [m for m in await session.get_messages() if m.role == "user"][-1]
            stream = session.stream_message(text, version_of=question.id, **options)
        else:
            stream = session.stream_message(text, history=how != "aside", **options)
        with suppress(AnswerError):
            await stream.read()
        self._check_sent(mock, stream.question.content if stream.question else "", before, how)
        assert len(mock.requests) == self._attempts(fits, repair, with_schema=with_schema)
        assert stream.reply is not None
        assert stream.reply.is_active is (how != "aside")
        assert (stream.value is not None) is (with_schema and fits[len(mock.requests) - 1])

    @staticmethod
    def _attempts(fits: list[bool], repair: int, *, with_schema: bool) -> int:
        if not with_schema:
            return 1
        return (
            min((n for n, fit in enumerate(fits, 1) if fit), default=repair + 1)
            if True in fits[: repair + 1]
            else repair + 1
        )

    @staticmethod
    def _check_sent(mock: Asked, question: str, before: list[str], how: str) -> None:
        for n, request in enumerate(mock.requests):
            said = [m for m in request.messages if m.role is not MessageRole.SYSTEM]
            assert [m.role for m in said] == [MessageRole.USER, MessageRole.ASSISTANT] * (len(said) // 2) + [
                MessageRole.USER
            ]
            asked = said[: len(said) - 2 * n]
            assert asked[-1].content == question
            if how == "send":
                assert [m.content for m in asked[:-1]] == before
            if how == "aside":
                assert asked[:-1] == []

    async def _sendable(self) -> list[str]:
        """Return the texts that the path holds for the next question."""
        tree, found = await self._session.tree(), []
        words = {m.seq: m.content for m in await self._session.get_messages()}
        for turn in tree.turns:
            if turn.is_answered and turn.key not in tree.hidden:
                found += [words[node.seq] for node in (turn.question, *turn.answers)]
        return found

    async def check_numbers(self) -> None:
        """Check that no two answers share a number, and that what was given up is never on the path by itself."""
        every = await self._session.get_messages(branch="all")
        answers = [m.address for m in every if m.role is MessageRole.ASSISTANT]
        assert len(answers) == len(set(answers))
