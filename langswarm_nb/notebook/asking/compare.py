"""One prompt, several models at the same time, each answer a branch of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from langswarm_nb.core.session import RetryNotice, SessionError
from langswarm_nb.core.session.conversation.notes import falls_back
from langswarm_nb.notebook.bridge import run_sync
from langswarm_nb.notebook.cell_errors import stopped
from langswarm_nb.notebook.showing.reply import Reply
from langswarm_nb.notebook.showing.shown_once import ShownOnce

from .opened import Opened, TellRetry, TellWait
from .show_stream import Exchange, Open

if TYPE_CHECKING:
    import pandas as pd

    from langswarm_nb.core.session import BaseSession
    from langswarm_nb.notebook.running_cell import Cell
    from langswarm_nb.notebook.showing.reply import Extract
    from langswarm_nb.notebook.showing.reply_view import Look

    from .asked_before import LastComparison
    from .interpolate import Prompt
    from .options import CellOptions
    from .sender import Sender


class Comparison(ShownOnce):
    """The answers of several models to one prompt.

    Attributes
    ----------
    models : tuple of str
        The models that were asked, ``provider:model``; one that was asked more than once has a number, as in
        ``mock:echo (2)``.
    errors : dict of str to SessionError
        Those that failed.
    """

    def __init__(
        self, models: tuple[str, ...], replies: dict[str, Reply], errors: dict[str, SessionError]
    ) -> None:
        self.models = models
        self._replies = replies
        self.errors = errors

    @property
    def replies(self) -> list[Reply]:
        """The answers, in the order of the models; those that failed are in `errors`."""
        return [self._replies[model] for model in self.models if model in self._replies]

    def __getitem__(self, model: str | int) -> Reply:
        return self.replies[model] if isinstance(model, int) else self._replies[model]

    def __iter__(self) -> Iterator[Reply]:
        return iter(self.replies)

    def __len__(self) -> int:
        return len(self._replies)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per answer, columns as in `langswarm_nb.turns_df`."""
        from langswarm_nb.analysis import turns_df

        ids = [reply.message.id for reply in self]
        frame = turns_df(self.replies[0].session, branch="all")
        return frame[frame["request_id"].isin(ids)].reset_index(drop=True)

    def __str__(self) -> str:
        answers = [f"{model}:\n{reply.text}" for model, reply in self._replies.items()]
        failures = [f"{model} failed: {error}" for model, error in self.errors.items()]
        return "\n\n".join([*answers, *failures])

    @property
    def short(self) -> str:
        return f"Comparison({', '.join(self.models)})"


def compare(sender: Sender, look: Look, prompt: Prompt, options: CellOptions, cell: Cell) -> Comparison:
    """Ask all models at once; the conversation stays where it is until one answer is chosen.

    Raises
    ------
    UsageError, SessionError
        It was not sent, or all failed; the first failure is raised.
    KeyboardInterrupt
        The user stopped it; what had arrived is kept.
    """

    async def open_all(tell_retry: Callable[[int], TellRetry]) -> list[Opened]:
        return await sender.open_comparison(prompt, options, cell, tell_retry)

    return _Run(sender, look, open_all, options.extract).complete()


def compare_again(sender: Sender, look: Look, session: BaseSession, last: LastComparison) -> Comparison:
    """Ask a comparison once more, as `compare` does; the answers are further versions of its turn."""

    async def open_all(tell_retry: Callable[[int], TellRetry]) -> list[Opened]:
        return await sender.open_comparison_again(session, last, tell_retry)

    return _Run(sender, look, open_all, None, chooses=last.is_chosen).complete()


def _numbered(models: Sequence[str]) -> list[str]:
    """Return a title for each answer: its model, with a number where that answers more than once."""
    return [
        model if models.count(model) == 1 else f"{model} ({models[: place + 1].count(model)})"
        for place, model in enumerate(models)
    ]


class _Run:
    """One comparison while it runs: a stream and a display for each answer."""

    def __init__(
        self, sender: Sender, look: Look, opening: OpenAll, extract: Extract | None, *, chooses: bool = False
    ) -> None:
        self._sender, self._look, self._opening, self._extract = sender, look, opening, extract
        self._chooses = chooses
        self._exchanges: dict[str, Exchange] = {}
        self._errors: dict[str, SessionError] = {}
        self._tell: list[TellRetry] = []

    def complete(self) -> Comparison:
        """Run to the end, show what is to be saved, and return the answers."""
        try:
            run_sync(self._ask_all())
        except KeyboardInterrupt as error:
            self._finish()
            raise stopped("stopped; what had arrived is kept. Run the cell again to ask again.") from error
        except BaseException:
            self._finish()
            raise
        replies = self._finish()
        if len(self._errors) == len(self._exchanges):
            raise next(iter(self._errors.values()))
        return Comparison(tuple(self._exchanges), replies, self._errors)

    async def _ask_all(self) -> None:
        opened = await self._opening(self._teller)
        models = _numbered([f"{each.stream.provider}:{each.stream.model}" for each in opened])
        for each, model, display in zip(opened, models, self._look.open(models), strict=True):
            exchange = Exchange(self._sender, self._look, display, _already(each), extract=self._extract)
            self._exchanges[model] = exchange
            self._tell.append(exchange.tell_retry)
        together = dict(zip(models, opened, strict=True))
        try:
            await self._read_all(together)
        finally:  # also when it is interrupted: the new answers are there, cut short
            await self._choose_again(together)

    async def _read_all(self, opened: Mapping[str, Opened]) -> None:
        outcomes = await asyncio.gather(
            *(exchange.run() for exchange in self._exchanges.values()), return_exceptions=True
        )
        failed = dict(zip(opened, outcomes, strict=True))
        self._errors = {model: error for model, error in failed.items() if isinstance(error, SessionError)}
        answered = next((model for model, error in failed.items() if error is None), None)
        if answered is not None and (note := await self._sender.answered(opened[answered])):
            self._exchanges[answered].tell(note)
        for error in failed.values():
            if isinstance(error, BaseException) and not isinstance(error, SessionError):
                raise error

    def _teller(self, place: int) -> TellRetry:
        def tell(notice: RetryNotice) -> None:  # the display is made after the questions are stored
            self._tell[place](notice)

        return tell

    async def _choose_again(self, opened: Mapping[str, Opened]) -> None:
        """Go on with the first of the new answers, where the conversation went on with one of the old ones."""
        places = [each.stream.place for each in opened.values()]
        if not self._chooses and not any(place is not None and place.chooses for place in places):
            return
        replies = {model: each.stream.reply for model, each in opened.items()}
        stored = {model: reply for model, reply in replies.items() if reply is not None}
        first = next((model for model, reply in stored.items() if reply.content), next(iter(stored), None))
        if first is not None:
            await opened[first].session.use_version(stored[first].id)
            self._exchanges[first].choose(falls_back(stored[first].address))

    def _finish(self) -> dict[str, Reply]:
        """Show what is to be saved, and return the answers."""
        shown = self._errors if len(self._errors) < len(self._exchanges) else {}
        finished = {model: each.finish(shown.get(model)) for model, each in self._exchanges.items()}
        return {
            model: reply
            for model, reply in finished.items()
            if reply is not None and model not in self._errors
        }


OpenAll: TypeAlias = "Callable[[Callable[[int], TellRetry]], Awaitable[list[Opened]]]"


def _already(opened: Opened) -> Open:
    async def give(_tell_retry: TellRetry, _tell_wait: TellWait) -> Opened:
        return opened

    return give
