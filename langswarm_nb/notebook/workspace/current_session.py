"""`KernelSessions`: the session that a kernel is in, and how it comes to be in another."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from langswarm_nb.core.session import (
    BaseSession,
    SessionClosedError,
    SessionNotFoundError,
    SessionSettings,
    SessionStatus,
    parse_model_id,
)
from langswarm_nb.core.session.conversation import names
from langswarm_nb.core.session.conversation.homes import Home
from langswarm_nb.core.session.errors import shown

from .home import first_label
from .keys import provider_ready
from .model_choice import CHOSEN, DEFAULT_MODEL
from .naming import KernelNames, check_open, known
from .settling import as_main, find_main

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from langswarm_nb.notebook.config import NotebookConfig


_PAGE = 50


class KernelSessions(KernelNames):
    """The current session of a kernel, which only `start`, `switch` and `stay_in` change."""

    def __init__(self, shell: InteractiveShell, config: NotebookConfig) -> None:
        super().__init__(shell, config)
        self._session: BaseSession | None = None
        self._moves = 0
        """How often `_session` was chosen, and not just found."""
        self._begun_at = datetime.now(UTC).astimezone()
        self._used: str | None = None
        """Id of the session that is noted as the one which unmarked cells use."""
        config.observe(self._forget_session, ["session"])

    async def close(self) -> None:
        self._move_to(None)
        self._used = None
        await super().close()

    # Where we are

    async def current(self) -> BaseSession:
        """Return the session that cells without ``-S`` talk to; made at first use.

        Raises
        ------
        SessionClosedError
            It was deleted or archived.
        SessionError
            The store could not be read, or the session not be made.
        """
        return await self.peek() or await self.make("current")

    async def peek(self) -> BaseSession | None:
        """Return the current session; None when it is not made yet.

        Raises
        ------
        SessionClosedError
            It was deleted or archived, here or elsewhere: nothing goes on in another one by itself.
        """
        if self._session is None:
            moves, found = self._moves, await self._find_current()
            if self._moves == moves:  # else somebody has moved on while we looked
                self._session = found
        session = self._session
        if session is not None:
            await self._check_there(session)
        return session

    def _move_to(self, session: BaseSession | None) -> None:
        """Stay in a session from now on, whatever a look that is under way finds."""
        self._session = session
        self._moves += 1

    async def _find_current(self) -> BaseSession | None:
        """Return the session of the settings, else the one that the unmarked cells of this notebook used last."""
        home = await self.home()
        if self.config.session:
            return await self._meant_by_cell(str(self.config.session))
        if home is None:
            return None
        main = await find_main(self.manager.storage, self.user_id, home)
        if main is not None and main.home != home:
            await self._learn_homes()
        return None if main is None else self.manager.session_of(main)

    async def _check_there(self, session: BaseSession) -> None:
        before = session.record.home
        try:
            record = await session.refresh()
        except SessionNotFoundError as error:
            raise SessionClosedError(
                f"The current session, {shown(self.label_of(session))}, was deleted, so it takes no new messages. "
                "`%langswarm new` starts another, `%langswarm switch NAME` goes to one that is there."
            ) from error
        if self._home is not None and self._home.home == before != record.home:
            self._home = Home(record.home, "moved")  # the notebook was renamed while this kernel ran
        check_open(session, self.label_of(session))

    @property
    def session_name(self) -> str:
        """Name of the current session, whether or not it exists yet."""
        return self._first_label if self._session is None else self.name_of(self._session)

    @property
    def _first_label(self) -> str:
        if self.config.session:
            return names.normal(str(self.config.session))
        home = None if self._home is None else self._home.home
        return next(names.labels_of_time(self._begun_at)) if home is None else first_label(home)

    def is_current(self, session: BaseSession) -> bool:
        """Tell whether cells without ``-S`` talk to this session."""
        return self._session is not None and self._session.session_id == session.session_id

    async def last_without_home(self) -> BaseSession | None:
        """Return the session that the last kernel without a notebook was in; None when there was none."""
        for tests in ({"is_main": True}, {}):
            before = None
            while page := await self._list(
                home="", status=SessionStatus.ACTIVE, limit=_PAGE, before=before, **tests
            ):
                for session in page:
                    if session.record.message_count and not self.is_current(session):
                        return session
                before = page[-1].used_at
        return None

    # Making and changing sessions

    async def make(self, opening: Literal["current", "named", "new"], name: str | None = None) -> BaseSession:
        """Make a session of this notebook, and stay in it unless it is one that a cell named.

        Raises
        ------
        SessionError
            It could not be made.
        """
        if opening == "new":
            return await self.start(name)
        home = await self.home()
        if opening == "named" and name is not None:
            alike = known(await self._list(labels=[names.normal(name)]))
            homes = await self._learn_homes() if alike else ()
            session = await self._create(names.normal(name), home)
            for other in names.elsewhere_of(name, alike, home):
                way = names.word(names.address(other, alike, homes))
                self._tell(f"another of this name {self.place_of(other.home)}, `-S {way}` continues it")
            return session
        session = await self._create(await self._own_label(home), home)
        self._move_to(session)
        return session

    async def start(self, name: str | None = None) -> BaseSession:
        """Make a session and stay in it; one of this notebook that has the name is called ``NAME (day, time)`` then.

        Raises
        ------
        SessionError
            It could not be made.
        """
        home = await self.home()
        if name is None:
            label = await self._own_label(home, datetime.now(UTC).astimezone())
        else:
            label = names.normal(name)
            await self._give_up(label, home)
        session = await self._create(label, home)
        self.go_to(session)
        return session

    async def _give_up(self, label: str, home: str | None) -> None:
        """Let the session that has a label have another one."""
        for session in await self._list(labels=[label], home=home or ""):
            others = names.labels_of_old(label, session.record.created_at.astimezone())
            other = await self._first_free(others, home)
            await session.rename(other)
            self._tell(f"the old one is now {other}")

    async def _own_label(self, home: str | None, at: datetime | None = None) -> str:
        if home is None and not self.config.session:
            return await self._first_free(names.labels_of_time(at or self._begun_at), None)
        return await self.free_label(self._first_label, home)

    async def switch(self, name: str) -> BaseSession:
        """Stay in another session.

        Raises
        ------
        SessionNotFoundError, SessionValueError
            There is none of this name, or there are several.
        SessionClosedError
            It is archived.
        """
        session = await self.get(name)
        check_open(session, self.label_of(session))
        self.go_to(session)
        return session

    def go_to(self, session: BaseSession) -> None:
        """Leave the current session for another."""
        if self._session is not None:
            self.ends_replay(self._session)
        self._move_to(session)

    def stay_in(self, session: BaseSession) -> None:
        """Let cells without ``-S`` talk to this session from now on."""
        self._move_to(session)

    async def uses(self, session: BaseSession) -> None:
        """Note that a cell which names no session uses this one: after a restart its notebook continues it."""
        if self._used != session.session_id:
            await session.change(**as_main(session.record, await self.home()))
            self._used = session.session_id

    def new_settings(self) -> SessionSettings:
        """Return what a new session works with.

        Raises
        ------
        SessionValueError
            The setting ``model`` is not a model.
        """
        return SessionSettings(*parse_model_id(self.model_id(str(self.config.model) or DEFAULT_MODEL)))

    async def _create(self, label: str, home: str | None) -> BaseSession:
        settings = self.new_settings()
        provider_ready(self.manager, settings.provider)
        return await self.manager.create_session(
            self.user_id,
            settings.provider,
            settings.model,
            title=label,
            home=home,
            metadata={CHOSEN: True} if self.config.model else {},
        )

    def _forget_session(self, change: Mapping[str, Any]) -> None:
        self._move_to(None)
