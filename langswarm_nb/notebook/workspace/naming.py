"""`KernelNames`: the notebook that a kernel belongs to, and which sessions are meant by names that are said there."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeAlias

from langswarm_nb.core.session import (
    BaseSession,
    SessionClosedError,
    SessionError,
    SessionStatus,
    SessionValueError,
)
from langswarm_nb.core.session.conversation import names
from langswarm_nb.core.session.conversation.homes import Home
from langswarm_nb.core.session.conversation.names import SHOWN_ID_CHARS, Known
from langswarm_nb.core.session.conversation.titles import title_beside
from langswarm_nb.core.session.errors import shown
from langswarm_nb.notebook.bridge import run_sync

from .home import front_end_tells
from .memories import KernelMemories
from .settling import address_of, known_as, settle

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from langswarm_nb.notebook.config import NotebookConfig

_MOST_AT_ONCE = 500


_Decide: TypeAlias = Callable[[str, Sequence[Known], str | None, Collection[str]], Known | None]
"""A rule of `names`, which says what a name means."""
_LABELS_AT_ONCE = 20


class KernelNames(KernelMemories):
    """Sessions by their labels, addresses and ids."""

    def __init__(self, shell: InteractiveShell, config: NotebookConfig) -> None:
        super().__init__(shell, config)
        self._home: Home | None = None
        """None until a cell has told it."""
        self._homes: set[str] = set()
        """Homes seen so far; short names for them have to differ."""
        self._notes: list[str] = []

    async def close(self) -> None:
        self._home = None
        await super().close()

    @abstractmethod
    async def current(self) -> BaseSession:
        """Return the session that cells without ``-S`` talk to; made at first use."""

    async def home(self) -> str | None:
        """Return the notebook that this kernel belongs to; None when it has none.

        Raises
        ------
        SessionStorageError
            The store could not be read or written.
        """
        if self._home is None:
            told = front_end_tells(self.shell)
            settled = await settle(self.manager.storage, self.user_id, told)
            if settled.home.kind == "none":
                return None  # a later cell may say it
            self._home, self._found = settled.home, settled.found
            self._tell(settled.note)
        return self._home.home

    def here(self) -> str | None:
        return run_sync(self.home())

    def label_of(self, session: BaseSession) -> str:
        """Return what a session is called in its home."""
        return session.title or session.session_id[:SHOWN_ID_CHARS]

    async def about(self, session: BaseSession) -> str:
        """Return what a session is about, from its first question; empty where somebody has named it."""
        questions = await self.manager.storage.list_first_questions(
            user_id=self.user_id, among=[session.session_id]
        )
        return title_beside(session.title, session.record.home, questions.get(session.session_id, ""))

    def name_of(self, session: BaseSession) -> str:
        """Return what people call a session: its label, with its home when that is not ours."""
        if session.record.home is None or not (home := self.home_of(session)):
            return self.label_of(session)
        return f"{home}:{self.label_of(session)}"

    def home_of(self, session: BaseSession) -> str:
        """Return the notebook that a session belongs to, as briefly as can be; empty for ours."""
        home, ours = session.record.home, None if self._home is None else self._home.home
        if home == ours:
            return ""
        return "no notebook" if home is None else self._short(home)

    def place_of(self, home: str | None) -> str:
        """Return where a session of a home is: ``in hw.ipynb``, ``without a notebook``."""
        return "without a notebook" if home is None else f"in {self._short(home)}"

    async def said_of(self, session: BaseSession, name: str | None) -> str:
        """Return what a session is called that was found by a name: with the home that the name has not told."""
        home = session.record.home
        by_label = name is not None and names.normal(name) == names.normal(session.title or "")
        if not by_label or home == await self.home():
            return self.name_of(session)
        return (
            f"{session.title} · the one {'without a notebook' if home is None else f'of {self._short(home)}'}"
        )

    def _short(self, home: str) -> str:
        ours = None if self._home is None else self._home.home
        self._homes |= {home} if ours is None else {home, ours}
        return names.short_home(home, self._homes)

    async def get(self, name: str | None) -> BaseSession:
        """Return the session that a command shows or goes to: this notebook's, else the one elsewhere.

        Parameters
        ----------
        name : str or None
            A label, ``HOME:NAME``, or the beginning of an id; None for the current session.

        Raises
        ------
        SessionNotFoundError
            There is none; names the nearest.
        SessionValueError
            There are several; lists them.
        SessionClosedError
            It is the current one, and was deleted or archived.
        """
        if name is None:
            return await self.current()
        found = await self._meant(name, names.to_read)
        if found is None:
            raise AssertionError("a name that is read means a session, or raises")
        return found

    async def find(self, name: str) -> BaseSession | None:
        """Return the session that a cell with ``-S NAME`` speaks to; None when it is to be made here.

        Raises
        ------
        SessionNotFoundError, SessionValueError
            ``HOME:NAME`` names none, or several.
        SessionClosedError
            It is archived.
        """
        session = await self._meant_by_cell(name)
        if session is not None:
            check_open(session, self.label_of(session))
        return session

    async def _meant_by_cell(self, name: str) -> BaseSession | None:
        return await self._meant(name, names.to_ask)

    async def _meant(self, name: str, decide: _Decide) -> BaseSession | None:
        """Return the session that a name means by a rule; all are looked at only to say why it means none."""
        home = await self.home()
        homes = await self._learn_homes() if ":" in name else ()
        sessions = await self._named(name, home)
        try:
            meant = decide(name, known(sessions), home, homes)
        except SessionError:
            sessions = await self._all()
            meant = decide(name, known(sessions), home, self._homes)
        if meant is not None and meant.home not in (None, home):
            await self._learn_homes()  # it is called by as much of its home as tells it from the others
        return None if meant is None else _session_of(meant, sessions)

    async def _named(self, name: str, home: str | None) -> list[BaseSession]:
        """Return the sessions that a name may mean: the one of this notebook, else all that it fits."""
        here = await self._list(labels=[names.normal(name)], home=home or "")
        if here:
            return here
        labelled = await self._list(labels=names.labels_in(name))
        if len(name) >= names.ID_CHARS:
            return [*labelled, *await self._list(id_begins=name)]
        by_id = await self.manager.get_session(name, user_id=self.user_id) if name.strip() else None
        return labelled if by_id is None else [*labelled, by_id]

    async def get_to_change(self, name: str | None, verb: str) -> BaseSession:
        """Return the session that a command renames or takes away; another home's only by its id or ``HOME:NAME``.

        Parameters
        ----------
        name : str or None
            None for the current session.
        verb : str
            The command.

        Raises
        ------
        SessionNotFoundError, SessionValueError
            There is none here, or there are several; those that may be meant are named.
        SessionClosedError
            It is the current one, and was deleted or archived.
        """
        if name is not None:
            found = await self._meant(name, partial(names.to_change, verb=verb))
            if found is None:
                raise AssertionError("a name that is to be changed means a session, or raises")
            return found
        session = await self.current()
        if session.record.home == await self.home():
            return session
        way = names.word(await address_of(self.manager.storage, self.user_id, session.record))
        raise SessionValueError(
            f"The current session belongs to another notebook: write `%langswarm {verb} {way} …` if you mean that one."
        )

    async def free_label(self, label: str, home: str | None, *, besides: BaseSession | None = None) -> str:
        """Return a label, or one like it that no other session of a home has."""
        return await self._first_free(names.labels_like(names.normal(label)), home, besides)

    async def _first_free(
        self, labels: Iterator[str], home: str | None, besides: BaseSession | None = None
    ) -> str:
        """Return the first label that no other session of a home has."""
        while True:
            some = list(islice(labels, _LABELS_AT_ONCE))
            found = await self._list(labels=some, home=home or "")
            taken = {names.normal(s.title or "") for s in found if besides is None or s.key != besides.key}
            for label in some:
                if label not in taken:
                    return label

    async def address_of(self, session: BaseSession) -> str:
        """Return what names a session here, as one word of a line."""
        label = self.label_of(session)
        if session.record.home != await self.home():
            alike = await self._list(labels=[names.normal(label)], limit=2)
            if len(alike) > 1:
                label = await address_of(self.manager.storage, self.user_id, session.record)
        return names.word(label)

    async def in_order(
        self, limit: int | None = None, *, fits: Callable[[BaseSession], bool] = lambda _: True
    ) -> list[BaseSession]:
        """Return sessions that fit: those of this notebook first, then the others, the last used first.

        With a ``limit`` no more are read than it takes to find that many.
        """
        home = await self.home()
        if limit is None:
            sessions = list(filter(fits, await self._all()))
            return sorted(sessions, key=lambda session: session.record.home != home)
        await self._learn_homes()
        ours = await self._first(limit, fits, home or "")
        # Of the first that fit anywhere, no more are ours than these.
        every = await self._first(limit, fits) if len(ours) < limit else []
        return [*ours, *(session for session in every if session.record.home != home)][:limit]

    async def _first(
        self, limit: int, fits: Callable[[BaseSession], bool], home: str | None = None
    ) -> list[BaseSession]:
        found: list[BaseSession] = []
        before, at_once = None, limit
        while len(found) < limit:
            page = await self.manager.list_user_sessions(self.user_id, at_once, before=before, home=home)
            found += filter(fits, page)
            if len(page) < at_once:
                break
            before, at_once = page[-1].record.used_at, min(2 * at_once, max(limit, _MOST_AT_ONCE))
        return found[:limit]

    async def last_used(self, limit: int) -> list[BaseSession]:
        """Return the sessions that were used last, of whatever notebook."""
        await self._learn_homes()  # by which they are called
        return await self._list(limit=limit)

    async def _all(self) -> list[BaseSession]:
        sessions = await self._list()
        self._homes = {session.record.home for session in sessions if session.record.home is not None}
        return sessions

    async def _list(self, **tests: Any) -> list[BaseSession]:
        """Return the user's sessions that pass tests, the last used first; see `ISessionStorage.list_sessions`."""
        records = await self.manager.storage.list_sessions(user_id=self.user_id, **tests)
        return [self.manager.session_of(record) for record in records]

    async def _learn_homes(self) -> set[str]:
        self._homes = set(await self.manager.storage.list_homes(user_id=self.user_id))
        return self._homes

    def _tell(self, note: str) -> None:
        if note and note not in self._notes:
            self._notes.append(note)

    def take_notes(self) -> tuple[str, ...]:
        """Return what to show about names and homes, once: in the greeting, a footer, or by a command."""
        notes, self._notes = tuple(self._notes), []
        return notes


def known(sessions: list[BaseSession]) -> list[Known]:
    """Return what sessions are known by."""
    return [known_as(session.record) for session in sessions]


def _session_of(known: Known, sessions: list[BaseSession]) -> BaseSession:
    return next(session for session in sessions if session.session_id == known.session_id)


def check_open(session: BaseSession, label: str) -> None:
    """Refuse a session that was archived.

    Raises
    ------
    SessionClosedError
        It was.
    """
    if session.status is SessionStatus.ARCHIVED:
        raise SessionClosedError(
            f"The session {shown(label)} is archived, so it takes no new messages. `%langswarm unarchive "
            f"{names.word(label)}` brings it back, `%langswarm new` starts another, `%langswarm switch NAME` goes "
            "to one that is there."
        )
