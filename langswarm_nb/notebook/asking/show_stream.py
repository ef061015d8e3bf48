"""`Exchange`: one prompt and the reply to it, shown while it arrives."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session import MessageStream, RetryNotice, SessionError
from langswarm_nb.core.session.answers.schema_errors import AnswerError
from langswarm_nb.notebook.bridge import run_sync
from langswarm_nb.notebook.cell_errors import stopped
from langswarm_nb.notebook.showing.footer import footer_line, goes_on
from langswarm_nb.notebook.showing.reply import Extract, Reply
from langswarm_nb.notebook.showing.reply_view import Look, Silent

from .opened import Opened, TellRetry, TellWait

if TYPE_CHECKING:
    from langswarm_nb.notebook.config import Format, NotebookConfig
    from langswarm_nb.notebook.showing.display import ReplyDisplay
    from langswarm_nb.notebook.showing.seen import Bytes

    from .interpolate import Prompt
    from .options import CellOptions
    from .sender import Sender


Open = Callable[[TellRetry, TellWait], Awaitable[Opened]]


def look_of(config: NotebookConfig, options: CellOptions, prompt: Prompt) -> Look:
    """Return how a cell asks for its replies to be shown."""
    form: Format = options.format or config.format
    return Look(
        format="code" if options.extract is not None and options.format is None else form,
        is_live=config.stream and options.stream is not False,
        is_silent=not options.shows or form == "none",
        has_footer=options.usage or config.footer != "off",
        is_full=options.usage or config.footer == "full",
        filled=prompt.fields,
    )


class Exchange:
    """Runs one stream; what arrived stays readable when it is interrupted or fails.

    Parameters
    ----------
    sender : Sender
        Keeps count of what it costs.
    look : Look
        How the reply is shown.
    display : ReplyDisplay
        Where the reply is shown.
    opening : callable
        Prepares everything and returns the stream; gets what to show about waits between attempts, and for others.
    extract : {"first", "last"}, optional
        See `Reply`.
    """

    def __init__(
        self,
        sender: Sender,
        look: Look,
        display: ReplyDisplay,
        opening: Open,
        *,
        extract: Extract | None = None,
    ) -> None:
        self._sender, self._look = sender, look
        self._display, self._opening, self._extract = display, opening, extract
        self._opened: Opened | None = None
        self._seen: Mapping[str, Bytes] = {}
        self._notes: list[str] = []
        self._is_chosen = False

    def complete(self) -> Reply:
        """Run to the end, show what is to be saved, and return the reply.

        Raises
        ------
        KeyboardInterrupt
            The user stopped it, here or in a panel; the part is kept and shown.
        SessionError
            It failed; the part is kept and shown.
        """
        try:
            run_sync(self._answer())
        except KeyboardInterrupt as error:
            if self._opened is not None:
                self._seen = run_sync(self._look_at(self._opened))
            raise self._stopped(is_kept=self.finish() is not None) from error
        except AnswerError as error:
            self.finish(problem=error)
            raise
        except BaseException:
            self.finish()
            raise
        reply = self.finish()
        if reply is None or reply.status == "stopped":  # by a panel, or by code that closed the stream
            raise self._stopped(is_kept=reply is not None)
        return reply

    @staticmethod
    def _stopped(*, is_kept: bool) -> KeyboardInterrupt:
        text = "stopped; what had arrived is kept" if is_kept else "stopped before anything was sent"
        return stopped(f"{text}. Run the cell again to ask again.")

    async def _answer(self) -> None:
        await self.run()
        if self._opened is not None and (note := await self._sender.answered(self._opened)):
            self.tell(note)

    async def run(self) -> None:
        """Read the stream to its end."""
        from langswarm_nb.notebook.showing.display import ticking

        self._opened = opened = await self._opening(self.tell_retry, self._display.status)
        with ticking(self._display):
            await self._show(opened.stream)
        self._seen = await self._look_at(opened)

    async def _look_at(self, opened: Opened) -> Mapping[str, Bytes]:
        """Return what can be seen of attachments."""
        question, answer = opened.stream.question, opened.stream.reply or opened.stream.unstored
        if question is None or answer is None or not (question.attachments or answer.attachments):
            return {}
        from langswarm_nb.notebook.showing.seen import seen_in

        return await seen_in(opened.session, question, answer)

    async def _show(self, stream: MessageStream) -> None:
        is_thinking, attempt = False, 1
        if stream.schema is not None:
            self._display.begin(stream.schema)
        async for delta in stream:
            if stream.attempt != attempt:
                is_thinking, attempt = False, stream.attempt
                self._display.begin(stream.schema)
            if delta.kind != "reasoning":
                self._display.update(delta.text)
            elif not is_thinking:
                is_thinking = True
                self._display.status("thinking …")

    def finish(self, error: SessionError | None = None, problem: AnswerError | None = None) -> Reply | None:
        """Show the reply as it is to be saved and return it; None when nothing of it is stored.

        Parameters
        ----------
        error : SessionError, optional
            Why there is no whole reply, where nobody else says so.
        problem : AnswerError, optional
            What is wrong with the reply, which came.
        """
        opened = self._opened
        message = None if opened is None else opened.stream.reply or opened.stream.unstored
        if opened is None or message is None or opened.stream.question is None:
            self._show_failure(error, "✗ failed")
            return None
        reply = Reply(
            message,
            opened.stream.question,
            opened.session,
            extract=self._extract,
            again=self._again,
            schema=opened.stream.schema,
            questions=opened.questions,
        )
        reply.seen, reply.attempts_before = self._seen, opened.stream.attempts
        self._sender.count(opened.stream, opened.options)
        reply.place = self._place(reply, opened)
        reply.footer = footer_line(reply, place=reply.place)
        if not reply.text and reply.status == "error":
            self._show_failure(error, reply.footer)
            return reply
        if told := "" if problem is not None else _words(error) if error is not None else _ended_badly(reply):
            reply.footer += f" · {told}"
            reply.place += f" · {told}"
        self._look.finish(self._display, reply, error if isinstance(error, AnswerError) else problem)
        return reply

    def _show_failure(self, error: SessionError | None, footer: str) -> None:
        """Show that there is no reply; nothing where the error is shown below."""
        if error is None:
            self._display.discard()
        else:
            self._display.finish(_words(error), format="text", footer=footer)

    def _place(self, reply: Reply, opened: Opened) -> str:
        """Return where a turn is, ``turn 7.2``, and what the reader should know of it."""
        place = f"turn {reply.address} of {opened.name}" if opened.name else f"turn {reply.address}"
        beside = _beside(reply) if reply.message.is_aside and not self._is_chosen else ""
        notes = [beside, *opened.notes, *opened.stream.notes, *self._notes]
        return " · ".join([place, *(note for note in notes if note)])

    async def _again(self, reply: Reply, model: str | None, changes: Mapping[str, Any]) -> Reply:
        """Ask what a reply answers once more, under the rules of every send."""
        if (
            reply.schema is not None
        ):  # else the type would be lost: of what is stored, its JSON schema is known
            changes = {"schema": reply.schema, **changes}

        async def open_again(tell_retry: TellRetry, tell_wait: TellWait) -> Opened:
            return await self._sender.open_again(
                reply.session,
                reply.message.id,
                model=model,
                tell_retry=tell_retry,
                tell_wait=tell_wait,
                **changes,
            )

        exchange = Exchange(self._sender, self._look, Silent(), open_again, extract=self._extract)
        try:
            await exchange.run()
        finally:
            again = exchange.finish()
        if again is None:
            raise AssertionError("a stream that was read to its end has a reply")
        return again

    def tell(self, note: str) -> None:
        """Tell more in the footer."""
        self._notes.append(note)

    def choose(self, note: str) -> None:
        """Tell in the footer that the conversation goes on with this reply."""
        self._is_chosen = True
        self.tell(note)

    def tell_retry(self, notice: RetryNotice) -> None:
        self._display.status(notice.text)


def _beside(reply: Reply) -> str:
    """Return what is shown about a reply that the conversation does not go on with."""
    if reply.message.beside == "aside":
        return "aside"
    return goes_on(reply)


def _ended_badly(reply: Reply) -> str:
    """Return what is wrong with a reply whose service itself did not end it well; it is not an error of the send."""
    facts = reply.message.request
    return facts.error_message or "" if facts is not None and facts.status == "error" else ""


def _words(error: SessionError) -> str:
    return f"{type(error).__name__}: {error}"
