"""`KernelMemories`: what this kernel has asked of each session, by which cells that run again are known."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from langswarm_nb.core.session.conversation.asks import KernelMemory, Replay

from .model_choice import KernelModels

if TYPE_CHECKING:
    from collections.abc import Iterable

    from IPython.core.interactiveshell import InteractiveShell

    from langswarm_nb.core.session import BaseSession, SessionMessage
    from langswarm_nb.notebook.config import NotebookConfig


class KernelMemories(KernelModels):
    """A memory for each session that this kernel has used."""

    def __init__(self, shell: InteractiveShell, config: NotebookConfig) -> None:
        super().__init__(shell, config)
        self._memories: dict[str, KernelMemory] = {}
        self._found: frozenset[str] = frozenset()
        """Ids of the sessions of this notebook in which something was asked before this kernel came."""

    async def close(self) -> None:
        self._memories, self._found = {}, frozenset()
        await super().close()

    @abstractmethod
    async def home(self) -> str | None:
        """Return the notebook that this kernel belongs to."""

    async def memory(self, session: BaseSession) -> KernelMemory:
        """Return what this kernel has asked of a session; its notebook's own turns are to be asked again in order.

        Raises
        ------
        SessionStorageError
            The session could not be read.
        """
        known = self._memories.get(session.session_id)
        if known is None:
            replay = await self._replay(session)
            known = self._memories.setdefault(session.session_id, KernelMemory(replay=replay))
        return known

    async def _replay(self, session: BaseSession) -> Replay | None:
        """Return the turns that a new kernel on this notebook found, to be asked again; None when there are none."""
        await self.home()
        if session.session_id not in self._found:
            return None
        tree = await session.tree()
        if not tree.turns:
            return None
        questions = await session.pick_messages(sorted(turn.question.seq for turn in tree.turns))
        texts = {message.seq: message.content for message in questions if message.seq is not None}
        return Replay.over(tree, texts)

    def note_again(
        self, session: BaseSession, before: SessionMessage, questions: Iterable[SessionMessage]
    ) -> None:
        """Remember questions that repeat another one of a session."""
        if (known := self._memories.get(session.session_id)) is not None:
            for question in questions:
                known.note_again((before.turn, before.version), (question.turn, question.version))

    def ends_replay(self, session: BaseSession) -> None:
        """Ask no turn of a session again by its place: somebody has moved in its tree."""
        self._memories.setdefault(session.session_id, KernelMemory()).replay = None
