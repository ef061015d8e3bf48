"""`ChatPanel`: the widget. It shows a session and passes on what its reader asks for; the rest is elsewhere."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import sys
import uuid
from collections import deque
from typing import TYPE_CHECKING, Any, Literal

import anywidget
from IPython.display import display
from traitlets import Bool, Dict, Enum, List, Unicode

from langswarm_nb.core.session import (
    BaseSession,
    MessageStream,
    SessionError,
    SessionManager,
    SessionMessage,
    SessionTypeError,
    SessionValueError,
)
from langswarm_nb.core.session.errors import in_words
from langswarm_nb.notebook.bridge import io_loop, kernel_shell, run_within, submit
from langswarm_nb.notebook.cell_errors import cell_words
from langswarm_nb.notebook.showing.transcript import thumbs_for
from langswarm_nb.render import plain_repr

from .actions import ACTIONS
from .feed import Feed
from .hub import hub_of
from .patches import Window, patch
from .rules import NoRules, Rules
from .scripts import script, style
from .session_info import session_info, session_name
from .static_twin import StaticTwin, last_messages, twin_bundle
from .tray import Tray

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from langswarm_nb.notebook.showing.seen import Bytes

    from .live import LiveReply

Theme = Literal["auto", "light", "dark"]
THEMES: tuple[Theme, ...] = ("auto", "light", "dark")
_OPEN_S = 30.0
"""Longest wait for the storage when a panel is made or closed."""
_REMEMBERED_KEYS = 100
_NO_PANEL = "The panel needs a notebook; here is the conversation, and `%langswarm ask TEXT` continues it."

logger: logging.Logger = logging.getLogger(__name__)


class ChatPanel(anywidget.AnyWidget):
    """A conversation to read and continue, in the output of a cell.

    Parameters
    ----------
    session : BaseSession
        The session it shows and sends to; messages sent from elsewhere appear too.
    manager : SessionManager, optional
        The manager of the other sessions on offer; by default the session's own.
    model : str, optional
        Model that answers from now on, ``"provider:model"``.
    height : str
        A CSS length.
    theme : {"auto", "light", "dark"}
        ``auto`` takes the colours of the page.
    enter_sends : bool
        Whether Enter sends; if not, Ctrl+Enter does.
    rules : Rules, optional
        Rules that are checked before a send; see `langswarm_nb.notebook.panel.rules`.

    Raises
    ------
    SessionTypeError
        ``session`` is not a session, or an option has the wrong type.
    SessionValueError
        ``theme`` is not one of the allowed values.
    SessionError
        The session could not be read, or ``model`` is not known.

    Examples
    --------
    ::

        panel = ChatPanel(session)
        panel  # shows it
        panel.value[-1].content  # the last message
        panel.close()
    """

    _esm = script()
    _css = style()

    # `transcript` is changed in place: only differences go out to pages that are open, and a page
    # that opens later, or again, gets the whole.
    transcript: Dict[str, Any] = Dict().tag(sync=True)
    info: Dict[str, Any] = Dict().tag(sync=True)
    attached: List[dict[str, Any]] = List().tag(sync=True)
    busy: Bool[bool, bool | int] = Bool(False).tag(sync=True)
    problem: Unicode[str, str | bytes] = Unicode().tag(sync=True)
    height: Unicode[str, str | bytes] = Unicode("28rem").tag(sync=True)
    theme: Enum[Theme] = Enum(THEMES, "auto").tag(sync=True)
    enter_sends: Bool[bool, bool | int] = Bool(True).tag(sync=True)
    panel_id: Unicode[str, str | bytes] = Unicode().tag(sync=True)

    _is_closed = True  # until there is something to close

    def __init__(
        self,
        session: BaseSession,
        *,
        manager: SessionManager | None = None,
        model: str | None = None,
        height: str = "28rem",
        theme: Theme = "auto",
        enter_sends: bool = True,
        rules: Rules | None = None,
    ) -> None:
        if not isinstance(session, BaseSession):
            raise SessionTypeError.of("session", session, "a session made by a SessionManager")
        if theme not in THEMES:
            raise SessionValueError.of("theme", theme, THEMES)
        if not isinstance(height, str):
            raise SessionTypeError.of("height", height, "a CSS length, such as '28rem'")
        if not isinstance(enter_sends, bool):
            raise SessionTypeError.of("enter_sends", enter_sends, "True or False")
        self.manager: SessionManager = manager or session.manager
        self.window: Window = Window()
        self.rules: Rules = rules or NoRules()
        self.tray: Tray = Tray()
        self._items: list[dict[str, Any]] = []
        self._keys: deque[str] = deque(maxlen=_REMEMBERED_KEYS)
        self._context = contextvars.copy_context()
        self.feed: Feed = run_within(_OPEN_S, hub_of(self.manager).join(session, self))
        self._is_closed = False
        panel_id = uuid.uuid4().hex
        self._twin = StaticTwin(panel_id)
        self._thumbs: Mapping[str, Bytes] = {}
        super().__init__(
            model_id=panel_id,
            panel_id=panel_id,  # from the first state on: a page can draw before it has seen a change
            transcript={"rev": 0, "earlier": 0, "messages": [], "live": None},
            info=session_info(self.feed, self.rules.budget),
            height=height,
            theme=theme,
            enter_sends=enter_sends,
        )
        self.on_msg(self._on_page)
        try:
            run_within(_OPEN_S, self._open(model))
        except BaseException:
            self.close()
            raise

    # For its owner

    @property
    def session(self) -> BaseSession:
        """The session that is shown; the user may have chosen another since the panel was made."""
        return self.feed.session

    @property
    def value(self) -> list[SessionMessage]:
        """The messages of the active path."""
        if not _is_io_thread() and not self._is_closed:
            run_within(_OPEN_S, self.feed.read())
        return list(self.feed.path)

    def close(self) -> None:
        """Remove the panel from the page and free what it holds; a reply that only it waits for is stopped."""
        if (
            sys.is_finalizing()
        ):  # the loop has ended, and a thread that is started now is waited for without end
            return
        if not self._is_closed:
            self._is_closed = True
            self.on_msg(self._on_page, remove=True)
            leaving = submit(hub_of(self.manager).leave(self.feed, self))
            if not _is_io_thread():
                leaving.result(_OPEN_S)
            self.tray = Tray()
            self.layout.close()  # a widget of its own
        super().close()

    def __repr__(self) -> str:
        count = len(self.feed.path)
        facts = [plain_repr(session_name(self.session), 60), f"{count} message{'' if count == 1 else 's'}"]
        return f"ChatPanel({', '.join([*facts, 'closed'] if self._is_closed else facts)})"

    def _ipython_display_(self, **_kwargs: Any) -> None:
        if self._is_closed:
            print(self)  # noqa: T201 - nothing else is left to show
            return
        if kernel_shell() is None:
            # A terminal shows no panel, and would print the conversation again at each of its turns.
            bundle = twin_bundle(self.panel_id, session_name(self.session), self.feed.path, self.feed.html)
            print(f"{_NO_PANEL}\n\n{bundle['text/plain']}")  # noqa: T201
            return
        view = self._repr_mimebundle_() or ({}, {})
        display(view[0], metadata=view[1], raw=True)
        self._twin.display(session_name(self.session), self.feed.path, self.feed.html, self._thumbs)

    # For its feed

    async def show(self, streamed: LiveReply | None = None) -> None:
        """Bring the page up to date."""
        if self._is_closed:
            return
        path, live = self.feed.path, self.feed.live
        start = self.window.start(path)
        # A reply that was stored just now is still shown as it arrives.
        items = await self.feed.items([each for each in path[start:] if live is None or each.id != live.id])
        changes = patch(self._items, items, streamed=streamed, live=live)
        is_new = (self._items, self.transcript["earlier"]) != (items, start)
        is_new |= changes["live"] != self.transcript["live"]
        self._items = items
        if is_new:
            rev = self.transcript["rev"] + 1
            self.transcript.update(messages=items, earlier=start, live=changes["live"], rev=rev)
            self._publish({**changes, "rev": rev, "earlier": start})
        self._context.copy().run(self._set_traits)
        if live is None:
            await self._show_twin()

    async def _show_twin(self) -> None:
        session = self.session
        thumbs = await thumbs_for(session, last_messages(self.feed.path))
        if self.session is session and not self._is_closed:
            self._thumbs = thumbs
            feed = self.feed
            self._context.copy().run(self._twin.update, session_name(session), feed.path, feed.html, thumbs)

    def extend(self, delta: dict[str, Any]) -> None:
        """Pass on what arrived of the live reply."""
        if self.feed.live is not None:
            self.transcript["live"] = self.feed.live.state
        self._publish(delta)

    def fail(self, text: str) -> None:
        """Say what went wrong."""
        self._context.copy().run(setattr, self, "problem", text)

    # For its actions

    def is_new(self, key: str) -> bool:
        """Tell whether a message of the page comes for the first time, and remember it."""
        if key in self._keys:
            return False
        self._keys.append(key)
        return True

    def begin_send(self) -> Callable[[str], None]:
        """Settle what went wrong before; return what shows a reader where a message goes."""
        self.fail("")
        return self.fail

    async def run(self, opening: Coroutine[Any, Any, MessageStream]) -> None:
        """Ask, for all panels on this session, and return when the question is stored.

        Raises
        ------
        SessionError
            Nothing was stored: it could not be, it was stopped, or another reply is arriving.
        """
        await self.feed.run(opening, self.rules.count)

    async def move(self, session: BaseSession) -> None:
        """Show another session."""
        hub, old = hub_of(self.manager), self.feed
        self.feed = await hub.join(session, self)
        await hub.leave(old, self)
        self.window = Window()
        self.show_tray()
        await self.show()

    def show_tray(self) -> None:
        """Show what is attached to what is being written in this session."""
        if not self._is_closed:
            chips = self.tray.chips(self.session.session_id)
            self._context.copy().run(setattr, self, "attached", chips)

    def send_snapshot(self) -> None:
        """Give the page the whole transcript."""
        self._publish({"type": "snapshot", **self.transcript})

    # The page

    def _on_page(self, _widget: object, content: Any, buffers: Any) -> None:
        """Take a message of the page; called on the main thread or on a subshell's, so only hand it over."""
        if isinstance(content, dict) and content.get("type") in ACTIONS:
            # What is published from here on goes out as an answer to this message: ipykernel 7.4 sends the
            # next message of the page to the shell that published last, which must not be one that is busy.
            self._context = contextvars.copy_context()
            self._publish({"type": "ack", "n": content.get("n")})
            submit(self._serve({**content, "buffers": buffers} if buffers else content))

    async def _serve(self, content: dict[str, Any]) -> None:
        answer: dict[str, Any] = {"type": "result", "n": content.get("n")}
        buffers: list[bytes] | None = None
        try:
            value = await ACTIONS[content["type"]](self, content)
            buffers = None if value is None else value.pop("buffers", None)
            answer["value"] = value
        except SessionError as error:
            answer["error"] = cell_words(error)
        except Exception as error:
            logger.exception("The panel could not do %r.", content["type"])
            answer["error"] = in_words(error)
        self._publish(answer, buffers)

    def _publish(self, content: dict[str, Any], buffers: list[bytes] | None = None) -> None:
        if not self._is_closed:
            self._context.copy().run(self.send, content, buffers)

    def _set_traits(self) -> None:
        with self.hold_sync():
            self.info = session_info(self.feed, self.rules.budget)
            self.busy = self.feed.is_busy

    # Opening

    async def _open(self, model: str | None) -> None:
        if model is not None:
            await self.session.update_settings(model=self.rules.model_id(model, self.session))
        await self.show()


def _is_io_thread() -> bool:
    """Tell whether this is the thread that must not wait for itself."""
    try:
        return asyncio.get_running_loop() is io_loop()
    except RuntimeError:
        return False
