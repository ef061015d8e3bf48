"""`Opened`: a stream that is about to be read, with what to show about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from .options import CellOptions

if TYPE_CHECKING:
    from langswarm_nb.core.session import BaseSession, MessageStream, RetryNotice
    from langswarm_nb.core.session.answers.questions import Question

NO_OPTIONS = CellOptions()


TellRetry: TypeAlias = "Callable[[RetryNotice], None]"


TellWait: TypeAlias = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Opened:
    """A stream that is about to be read, with what to show about it."""

    session: BaseSession
    stream: MessageStream
    name: str = ""
    """Name of the session, when it is not the current one."""
    notes: tuple[str, ...] = ()
    """What else the reader should know."""
    named_model: str | None = None
    """The model that becomes the session's once it has answered, when the session had none."""
    options: CellOptions = NO_OPTIONS
    """What its cell asked for."""
    questions: tuple[Question, ...] = ()
    """What is to be decided."""
