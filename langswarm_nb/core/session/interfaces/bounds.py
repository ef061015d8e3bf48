"""`Bounds`: how much a storage accepts at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

from langswarm_nb.core.session.errors import SessionTypeError, SessionValueError
from langswarm_nb.core.session.parts.twins import size_text, twin
from langswarm_nb.core.session.parts.vocabulary import Part


@dataclass(frozen=True, slots=True)
class Bounds:
    """Limits on what callers pass in, in characters or bytes. A model's answer is kept whatever its length.

    The defaults are far above what anybody would store on purpose. A program that takes text from others should set
    lower ones.

    Raises
    ------
    SessionTypeError, SessionValueError
        A bound is not a whole number of at least 1.
    """

    max_message_chars: int = 100_000_000
    """Text of one question, system message or tool result, with its parts as JSON but without bytes of attachments."""
    max_id_chars: int = 10_000
    """Each id or name of a session, user, message, cell, branch or home."""
    max_title_chars: int = 10_000
    max_metadata_chars: int = 10_000_000
    """Metadata of one session or message, as JSON."""
    max_attachment_bytes: int = 20_000_000
    """One attachment."""
    max_message_bytes: int = 50_000_000
    """All attachments of one message."""

    def __post_init__(self) -> None:
        for bound in fields(self):
            value = getattr(self, bound.name)
            if isinstance(value, bool) or not isinstance(value, int):
                raise SessionTypeError.of(
                    bound.name, value, f"a whole number of {bound.name.rpartition('_')[2]}"
                )
            if value < 1:
                raise SessionValueError.of(bound.name, value, "at least 1")

    def check(self, bound: str, parameter: str, text: str | None, beside: str | None = None) -> None:
        """Check that a text, if there is one, and what goes with it are together no longer than a bound.

        Raises
        ------
        SessionValueError
            They are longer.
        """
        if text is None:
            return
        most, chars = getattr(self, bound), len(text) + len(beside or "")
        if chars > most:
            error = SessionValueError(
                f"{parameter} has {chars:,} characters, but the limit is {most:,}. Shorten it, or raise the limit "
                f"of the storage: storage_config={{'bounds': Bounds({bound}=…)}}."
            )
            error.parameter = parameter
            raise error

    def check_bytes(self, parts: Sequence[Part]) -> None:
        """Check that the attachments among a message's parts, as stored, are not larger than allowed.

        Raises
        ------
        SessionValueError
            One attachment is too large, or all of them together are.
        """
        attached = [part for part in parts if part.get("size") and part.get("blob")]
        for part in attached:
            self._check_size("max_attachment_bytes", twin(part), part["size"])
        total = sum(part["size"] for part in attached)
        self._check_size("max_message_bytes", "the attachments of one message together", total)

    def _check_size(self, bound: str, what: str, size: int) -> None:
        if size > (most := getattr(self, bound)):
            error = SessionValueError(
                f"{what}: {size_text(size)} are more than the {size_text(most)} that are taken. Nothing was stored. "
                "Attach something smaller, or give an address, or raise the bound of the storage: "
                f"storage_config={{'bounds': Bounds({bound}=…)}}."
            )
            error.parameter = "attachments"
            raise error
