"""`KernelMemories`: what this kernel has asked of each session, by which cells that run again are known."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from langswarm_nb.core.session import BaseSession
from langswarm_nb.core.session.conversation.asks import KernelMemory, Replay

from .models import KernelModels

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from langswarm_nb.notebook.config import NotebookConfig


class KernelMemories(KernelModels):
    """A memory for each session that this kernel has used."""

    def __init__(self, shell: InteractiveShell, config: NotebookConfig) -> None:
        super().__init__(shell, config)
        self._memories: dict[str, KernelMemory] = {}
        self._made: set[str] = set()
        """Ids of the sessions that this kernel made."""

    async def close(self) -> None:
        await super().close()
        self._memories, self._made = {}, set()

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
        home = await self.home()
        if home is None or session.record.home != home or session.session_id in self._made:
            return None
        tree = await session.tree()
        if not tree.turns:
            return None
        questions = await session.pick_messages(sorted(turn.question.seq for turn in tree.turns))
        texts = {message.seq: message.content for message in questions if message.seq is not None}
        return Replay.over(tree, texts)

    def ends_replay(self, session: BaseSession) -> None:
        """Ask no turn of a session again by its place: somebody has moved in its tree."""
        self._memories.setdefault(session.session_id, KernelMemory()).replay = None

    def end_replays(self) -> None:
        """Do so in all sessions: the kernel goes to another one."""
        for memory in self._memories.values():
            memory.replay = None

    def was_made_here(self, session: BaseSession) -> None:
        """Note that this kernel made a session: its turns are nothing that an earlier kernel asked."""
        self._made.add(session.session_id)
