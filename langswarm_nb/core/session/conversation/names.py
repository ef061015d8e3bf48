"""What a name means: which session a label, the beginning of an id, or ``HOME:NAME`` stands for."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain
from itertools import count as numbers
from typing import NamedTuple

from langswarm_nb.core.session.errors import SessionNotFoundError, SessionValueError, shown
from langswarm_nb.core.session.text import did_you_mean

ID_CHARS = 6
"""So many characters of an id are enough to name a session."""
SHOWN_ID_CHARS = 8
"""So many characters of an id are shown."""
_NOTEBOOK = ".ipynb"


class Known(NamedTuple):
    """A session as far as names go."""

    session_id: str
    label: str
    """Empty when it has none."""
    home: str | None
    """The notebook it belongs to."""
    is_archived: bool = False


def normal(label: str) -> str:
    """Return a label as it is kept and compared: in normal form C, its case unchanged."""
    if label.isascii():
        return label.strip()
    import unicodedata  # for labels that have such letters

    return unicodedata.normalize("NFC", label).strip()


# What may be given; the first that is not taken is


def labels_of_time(at: datetime) -> Iterator[str]:
    """Yield labels of a session that has no better one: the day and time."""
    return chain([f"{at:%Y-%m-%d %H:%M}"], labels_like(f"{at:%Y-%m-%d %H:%M:%S}"))


def labels_of_old(label: str, at: datetime) -> Iterator[str]:
    """Yield what a session may be called whose label goes to a new one: ``NAME (day, time)``, of its beginning."""
    return chain([f"{label} ({at:%Y-%m-%d, %H:%M})"], labels_like(f"{label} ({at:%Y-%m-%d, %H:%M:%S})"))


def labels_like(label: str) -> Iterator[str]:
    """Yield a label, then it with numbers from 2."""
    return chain([label], (f"{label}-{number}" for number in numbers(2)))


# What a name means


def labels_in(name: str) -> list[str]:
    """Return the labels that a name may mean: all of it, or what follows a colon."""
    return [normal(name), *(normal(name[colon.end() :]) for colon in re.finditer(":", name))]


def to_read(
    name: str, sessions: Sequence[Known], here: str | None, homes: Collection[str] | None = None
) -> Known:
    """Return the session that a command shows or goes to: this home's, else the one elsewhere.

    Parameters
    ----------
    sessions : sequence of Known
        The user's, the last used first: all, or those that have one of the `labels_in` the name or an id that begins
        with it. Where these decide nothing, an error is raised that only all of them can word.
    here : str or None
        The home in which the name is said.
    homes : collection of str, optional
        All homes of the user; by default those of the sessions. A name without a colon needs none.

    Raises
    ------
    SessionNotFoundError
        There is none.
    SessionValueError
        There are several; the text lists them.
    """
    found = _labelled_here(name, sessions, here) or _addressed(name, sessions, homes)
    found = found or elsewhere_of(name, sessions, here)
    if not found:
        raise _none(name, sessions, here)
    return _only(name, found, sessions)


def to_ask(
    name: str, sessions: Sequence[Known], here: str | None, homes: Collection[str] | None = None
) -> Known | None:
    """Return the session that a cell with ``-S NAME`` speaks to; None for one that is made here.

    Parameters
    ----------
    sessions, here, homes
        As for `to_read`.

    Raises
    ------
    SessionNotFoundError
        It names a home, which has no such session.
    SessionValueError
        There are several; the text lists them.
    """
    found = _labelled_here(name, sessions, here) or _addressed(name, sessions, homes)
    if found:
        return _only(name, found, sessions)
    if _homes_of(name, sessions, homes) or f"{_NOTEBOOK}:" in name:
        raise _none(name, sessions, here)
    return None


def to_change(
    name: str,
    sessions: Sequence[Known],
    here: str | None,
    homes: Collection[str] | None = None,
    *,
    verb: str,
) -> Known:
    """Return the session that a command renames or takes away: another home's only by its id or ``HOME:NAME``.

    Parameters
    ----------
    sessions, here, homes
        As for `to_read`.
    verb : str
        The command.

    Raises
    ------
    SessionNotFoundError
        There is none here; those elsewhere are named.
    SessionValueError
        There are several; the text lists them.
    """
    found = _labelled_here(name, sessions, here) or _addressed(name, sessions, homes)
    if found:
        return _only(name, found, sessions)
    elsewhere = elsewhere_of(name, sessions, here)
    if not elsewhere:
        raise _none(name, sessions, here)
    raise SessionNotFoundError(
        f"This notebook has no session {shown(name)}, and a session of another notebook needs its full address: "
        + ", ".join(f"`%langswarm {verb} {word(address(known, sessions))}`" for known in elsewhere)
        + "."
    )


def elsewhere_of(name: str, sessions: Iterable[Known], here: str | None) -> list[Known]:
    """Return the sessions of other homes that have a label."""
    label = normal(name)
    return [known for known in sessions if known.home != here and normal(known.label) == label]


def means_several(name: str, sessions: Iterable[Known]) -> bool:
    """Tell whether several sessions have a label."""
    label = normal(name)
    return sum(normal(known.label) == label for known in sessions) > 1


def _labelled_here(name: str, sessions: Sequence[Known], here: str | None) -> list[Known]:
    label = normal(name)
    found = [known for known in sessions if known.home == here and normal(known.label) == label]
    found.sort(key=lambda known: known.is_archived)
    return found[:1]  # old stores have labels twice: the last used is meant


def _addressed(name: str, sessions: Sequence[Known], homes: Collection[str] | None) -> list[Known]:
    """Return the sessions that are named by their id, or by their home and label."""
    found = [known for known in sessions if _is_id_of(name, known)]
    for meant, label in _homes_of(name, sessions, homes):
        found += [known for known in sessions if known.home in meant and normal(known.label) == label]
    return list(dict.fromkeys(found))


def _is_id_of(name: str, known: Known) -> bool:
    return known.session_id == name or (len(name) >= ID_CHARS and known.session_id.startswith(name))


def _homes_of(
    name: str, sessions: Iterable[Known], homes: Collection[str] | None
) -> list[tuple[list[str], str]]:
    """Return the ways to read ``HOME:NAME``: homes that are meant, and the label; both may hold colons."""
    known = _homes_in(sessions) if homes is None else homes
    found = []
    for colon in re.finditer(":", name):
        meant = homes_named(name[: colon.start()], known)
        if meant and name[colon.end() :].strip():
            found.append((meant, normal(name[colon.end() :])))
    return found


def _homes_in(sessions: Iterable[Known]) -> list[str]:
    return list(dict.fromkeys(known.home for known in sessions if known.home is not None))


def _only(name: str, found: Sequence[Known], sessions: Sequence[Known]) -> Known:
    if len(found) == 1:
        return found[0]
    listed = ", ".join(f"{address(known, sessions)} ({known.session_id[:SHOWN_ID_CHARS]})" for known in found)
    raise SessionValueError(
        f"{shown(name)} may mean several sessions: {listed}. Name one by its home or its id."
    )


def _none(name: str, sessions: Sequence[Known], here: str | None) -> SessionNotFoundError:
    ours = [known.label for known in sessions if known.home == here and known.label]
    others = [address(known, sessions) for known in sessions if known.home != here and known.label]
    return SessionNotFoundError(
        f"There is no session {shown(name)}{did_you_mean(name, [*ours, *others]) or '.'} "
        "`%langswarm sessions` lists them, `%langswarm new NAME` starts one."
    )


# How a session of another home is called


def address(known: Known, sessions: Sequence[Known], homes: Collection[str] | None = None) -> str:
    """Return what names a session from everywhere: ``HOME:NAME``, or its id where it has no home or no name.

    Parameters
    ----------
    sessions : sequence of Known
        All of the user's, or at least those of its label.
    homes : collection of str, optional
        All homes of the user; by default those of the sessions.
    """
    alike = [other for other in sessions if (other.home, other.label) == (known.home, known.label)]
    if known.home is None or not known.label or len(alike) > 1:
        return known.session_id[:SHOWN_ID_CHARS]
    return f"{short_home(known.home, _homes_in(sessions) if homes is None else homes)}:{known.label}"


def word(text: str) -> str:
    """Return a name as one word of a line."""
    return f'"{text}"' if any(char.isspace() for char in text) else text


def short_home(home: str, homes: Iterable[str]) -> str:
    """Return as much of a home, from its end, as tells it from all others: ``hw.ipynb``, ``x/hw.ipynb`` beside y's."""
    parts = _parts(home)
    others = [_parts(other) for other in homes if other != home]
    for count in range(1, len(parts)):
        if all(other[-count:] != parts[-count:] for other in others):
            return "/".join(re.split(r"[/\\]", home)[-count:])
    return home


def homes_named(text: str, homes: Iterable[str]) -> list[str]:
    """Return the homes that a text means: one as it stands, else those that end in it."""
    known = list(homes)
    wanted = _parts(text)
    if text in known:
        return [text]
    return [home for home in known if wanted[-1] and _parts(home)[-len(wanted) :] == wanted]


def _parts(home: str) -> list[str]:
    return re.split(r"[/\\]", normal(home).removesuffix(_NOTEBOOK))
