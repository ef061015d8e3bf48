"""Commands that choose the model: use, alias, key."""

from __future__ import annotations

import getpass
import re
from argparse import SUPPRESS
from collections.abc import Sequence
from typing import TYPE_CHECKING

from IPython.core.error import StdinNotImplementedError, UsageError

from langswarm_nb.core.session import BaseSession, parse_model_id, provider_names
from langswarm_nb.core.session.conversation.moves import asked_last, version_at
from langswarm_nb.core.session.conversation.notes import goes_on_from, is_current
from langswarm_nb.core.session.secret import Secret
from langswarm_nb.core.session.text import did_you_mean
from langswarm_nb.notebook.workspace.keys import provider_ready, take_key

from .command import Command, arg
from .results import Listing

if TYPE_CHECKING:
    from langswarm_nb.notebook.workspace import Workspace

_VERSION = re.compile(r"(?P<turn>\d+)(\.(?P<number>\d+))?|v(?P<last>\d+)", re.IGNORECASE)
_ALIAS = re.compile(r"[\w.-]+")


async def _use(workspace: Workspace, model: str | None) -> str:
    session = await workspace.current()
    if model is None:
        return f"{session.provider}:{session.model}"
    if version := _VERSION.fullmatch(model):
        turn = asked_last(await session.tree()) if version["turn"] is None else int(version["turn"])
        if turn is None:
            raise UsageError("Nothing has been asked yet, so there is no version to use.")
        number = version["number"] or version["last"]
        return await _use_version(workspace, session, turn, None if number is None else int(number))
    wanted = workspace.model_id(model, session=session)
    provider_ready(workspace.manager, parse_model_id(wanted)[0])
    await workspace.choose_model(session, wanted)
    return wanted


async def _use_version(workspace: Workspace, session: BaseSession, turn: int, number: int | None) -> str:
    address, last = version_at(await session.tree(), turn, number)
    note = await session.use(turn, number)
    if note != is_current(address):
        workspace.ends_replay(session)
    names_it = note.startswith((address, goes_on_from(address)))
    told = [note] if names_it else [address, note] if note else [address]
    if (turn, last.version) in (await session.tree()).hidden:
        told.append(f"hidden on this branch, `%langswarm hide {turn} --undo` sends it again")
    return ", ".join(told)


def _alias(workspace: Workspace, name: str | None, target: str | None, *, delete: bool) -> Listing | str:
    aliases = workspace.aliases
    if name is None:
        return Listing(
            ("alias", "model"), sorted(aliases.items()), empty="No aliases yet: %langswarm alias NAME MODEL."
        )
    if delete or target is None:
        if name not in aliases:
            raise UsageError(f"There is no alias {name!r}{did_you_mean(name, aliases) or '.'}")
        if delete:
            workspace.set_aliases({known: model for known, model in aliases.items() if known != name})
        return aliases[name]
    if not _ALIAS.fullmatch(name) or name in provider_names() or _VERSION.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot be an alias: use letters, digits, '-', '_' and '.', and no provider's name."
        )
    wanted = workspace.model_id(target)
    workspace.set_aliases({**aliases, name: wanted})
    return wanted


def _key(workspace: Workspace, provider: str, typed: Sequence[str]) -> str:
    if typed:
        raise UsageError(
            f"Do not type a key into a cell, where it would be saved with the notebook. Take it out, and run "
            f"`%langswarm key {provider}`, which asks for it without showing it."
        )
    if provider not in provider_names():
        raise UsageError(
            f"There is no provider {provider!r}{did_you_mean(provider, provider_names()) or '.'}"
        )
    return ask_key(workspace, provider)


def ask_key(workspace: Workspace, provider: str) -> str:
    """Ask for a key without echo and use it from now on; return where it is kept.

    Raises
    ------
    UsageError
        Nobody can be asked here, or no key was given.
    ProviderAuthenticationError
        Its form is wrong; it is not shown.
    """
    try:
        key = Secret(getpass.getpass(f"Key for {provider} (not shown): ").strip())
    except (StdinNotImplementedError, EOFError) as error:  # a notebook without input, a closed terminal
        raise UsageError(
            "Nobody can be asked for the key here, as there is no input. Set its variable in the "
            "environment before the kernel starts; `%langswarm doctor` names it."
        ) from error
    if not key.reveal():
        raise UsageError("No key was given; nothing was changed.")
    return f"the key for {provider} is kept {take_key(workspace.manager, provider, key)}"


COMMANDS = (
    Command(
        "use",
        _use,
        "set the model of this session, or go to a version of a turn; without either, show the model",
        (
            arg(
                "model",
                metavar="MODEL",
                nargs="?",
                help="provider:model, an alias, or TURN.VERSION such as 7.2",
                completes="model",
            ),
        ),
    ),
    Command(
        "alias",
        _alias,
        "give a model a short name, show one, or list all",
        (
            arg("name", metavar="NAME", nargs="?"),
            arg("target", metavar="MODEL", nargs="?", completes="model"),
            arg("-d", "--delete", action="store_true", help="remove the name"),
        ),
    ),
    Command(
        "key",
        _key,
        "ask for a provider's key without echo",
        (arg("provider", metavar="PROVIDER", completes="provider"), arg("typed", nargs="*", help=SUPPRESS)),
    ),
)
