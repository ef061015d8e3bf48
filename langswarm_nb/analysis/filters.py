"""Which rows a frame is to hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal, TypeAlias

from langswarm_nb.core.session.errors import SessionTypeError, SessionValueError
from langswarm_nb.core.session.values import check_utf8, to_us

Branch: TypeAlias = Literal["active", "all"]
Moment: TypeAlias = datetime | date | str | None


@dataclass(frozen=True, slots=True)
class Filter:
    """What a caller asked for, checked; moments in microseconds since 1970, UTC."""

    since_us: int | None = None
    until_us: int | None = None
    user_id: str | None = None
    active_only: bool = True

    @classmethod
    def of(cls, since: Moment, until: Moment, user_id: str | None, branch: Branch) -> Filter:
        """Return the filter for the arguments that every frame takes.

        Raises
        ------
        SessionValueError, SessionTypeError
            One of them is not allowed.
        """
        if user_id is not None and not isinstance(user_id, str):
            raise SessionTypeError.of("user_id", user_id, "text (str), or None for all users")
        if user_id is not None:
            check_utf8("user_id", user_id)
        if branch not in ("active", "all"):
            raise SessionValueError.of("branch", branch, ["active", "all"])
        return cls(_as_us("since", since), _as_us("until", until), user_id, branch == "active")

    def tests(self, moment: str) -> tuple[list[str], list[Any]]:
        """Return conditions in SQL on rows whose moment is the expression ``moment``, with their values."""
        limits = {f"{moment} >= ?": self.since_us, f"{moment} < ?": self.until_us}
        used = {test: value for test, value in limits.items() if value is not None}
        return list(used), list(used.values())


def _as_us(name: str, moment: Moment) -> int | None:
    if moment is None:
        return None
    if isinstance(moment, str):
        try:
            moment = datetime.fromisoformat(moment)
        except ValueError:
            raise SessionValueError.of(
                name, moment, "a moment such as '2026-11-22' or '2026-11-22T13:45+01:00'"
            ) from None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if isinstance(moment, datetime):
        return to_us(name, moment)
    if isinstance(moment, date):
        return to_us(name, datetime(moment.year, moment.month, moment.day, tzinfo=UTC))
    raise SessionTypeError.of(name, moment, "a datetime, a date or text in ISO form")


def where(tests: Sequence[str]) -> str:
    """Return a WHERE clause, empty when there are no conditions."""
    return f" WHERE {' AND '.join(tests)}" if tests else ""
