"""Commands that show where you are: status, version, doctor, config, budget, log, traceback."""

from __future__ import annotations

import asyncio
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from langswarm_nb._version import __version__
from langswarm_nb.core.session import ProviderAuthenticationError, SessionError, provider_names
from langswarm_nb.core.session.providers.catalogue import PROVIDERS
from langswarm_nb.notebook.asking.cell_flags import read_dollars
from langswarm_nb.notebook.asking.provider_choice import address_of
from langswarm_nb.notebook.cell_errors import cell_words, last_traceback
from langswarm_nb.notebook.showing.amounts import dollars_text

from .command import Command, arg
from .reachable import listens
from .results import Facts, Listing

if TYPE_CHECKING:
    from langswarm_nb.notebook.workspace import Workspace

_PACKAGES = (
    "IPython",
    "ipykernel",
    "ipywidgets",
    "anywidget",
    "httpx",
    "aiosqlite",
    "nest-asyncio2",
    "pandas",
)


async def _status(workspace: Workspace) -> Facts:
    session = await workspace.current()
    path = (await session.tree()).path
    turns = {node.turn for node in path if node.turn is not None}
    about = await workspace.about(session)
    return Facts(
        session=workspace.name_of(session),
        **({"about": about} if about else {}),
        model=f"{session.provider}:{session.model}",
        branch=session.record.branch,
        turns=len(turns),
        messages=f"{len(path)} on this branch, {session.record.message_count} in all",
        store=workspace.place,
        user=workspace.user_id,
    )


def _version(_workspace: Workspace) -> str:
    return __version__


async def _doctor(workspace: Workspace) -> Facts:
    """Return what a report of a problem needs; of a key only whether it is there."""
    health = await workspace.manager.health_check()
    store = health["storage"]
    packages = {name: _package_version(name) for name in _PACKAGES}
    return Facts(
        {
            "langswarm_nb": __version__,
            "Python": f"{platform.python_version()} on {platform.system()} {platform.machine()}",
            "packages": ", ".join(f"{name} {number}" for name, number in packages.items()),
            "kernel": _kernel(workspace),
            "event loop": _event_loop(),
            "store": f"{health['status']}: "
            + ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in store.items()),
            **{f"provider {name}": _provider_state(workspace, name) for name in provider_names()},
        }
    )


def _package_version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"


def _kernel(workspace: Workspace) -> str:
    kernel = getattr(workspace.shell, "kernel", None)
    if kernel is None:
        return "none: IPython in a terminal"
    if "google.colab" in sys.modules:
        return "Jupyter, in Colab"
    return "Jupyter, in VS Code" if "__vsc_ipynb_file__" in workspace.shell.user_ns else "Jupyter"


def _event_loop() -> str:
    loop = asyncio.get_running_loop()
    name = f"{type(loop).__module__.partition('.')[0]} {type(loop).__name__}"
    if not hasattr(loop, "_nest_patched"):
        return name
    return f"{name}, nested by {'nest-asyncio2' if hasattr(asyncio, '_nest_asyncio2') else 'nest-asyncio'}"


def _provider_state(workspace: Workspace, name: str) -> str:
    try:
        provider = workspace.manager.provider_session(name)
    except SessionError as error:
        return _missing(name, error) or f"cannot be used: {cell_words(error)}"
    origin, is_local = address_of(provider) or ("", True)
    if not origin:
        return "ready"
    if is_local and not listens(origin):
        return f"no server listens at {origin}"
    return f"{'a server listens' if is_local else 'ready'} at {origin}"


def _missing(name: str, error: SessionError) -> str:
    """Return what a provider has yet to be given; empty where something is wrong with what it was given."""
    row = PROVIDERS.get(name)
    if row is None:
        return ""
    if isinstance(error, ProviderAuthenticationError):
        is_given = not row.key_variables or bool(row.key_variable(os.environ))
        return (
            "" if is_given else f"no key: `%langswarm key {name}` asks for it, or set {row.key_variables[0]}"
        )
    is_given = not row.url_variables or bool(row.base_url) or any(map(os.environ.get, row.url_variables))
    return "" if is_given else f"no address: set {row.url_variables[0]}, or give `--api-base https://…`"


def _config(workspace: Workspace) -> Listing:
    from langswarm_nb.render.tables import Code

    config = workspace.config
    rows = [
        (name, Code(repr(getattr(config, name))), trait.help)
        for name, trait in sorted(config.traits(config=True).items())
    ]
    return Listing(("setting", "value", "what it is"), rows)


def _traceback(_workspace: Workspace) -> None:
    print(last_traceback())  # noqa: T201


def _log(workspace: Workspace, what: str) -> str:
    config = workspace.config
    if what == "path":
        return workspace.full_place
    if what != "status":
        config.log_content = what == "on"
    if config.log_content:
        return f"conversations are kept in {workspace.place}"
    return f"only sizes and usage are kept in {workspace.place}; the words stay in the memory of this kernel"


def _budget(workspace: Workspace, usd: str | None) -> str:
    config = workspace.config
    if usd == "off":
        config.budget_usd = None
    elif usd is not None:
        config.budget_usd = read_dollars(usd)
    spent = f"spent {dollars_text(workspace.spent_usd)} in this kernel, as far as prices are known"
    return spent if config.budget_usd is None else f"budget {dollars_text(config.budget_usd)}, {spent}"


COMMANDS = (
    Command("status", _status, "show the session, model and store; the same as no command"),
    Command("version", _version, "show the version of langswarm_nb"),
    Command(
        "doctor",
        _doctor,
        "show what a bug report needs: versions, kernel, store, providers, and no keys",
    ),
    Command("config", _config, "list the settings; change one with %config LangSwarmMagics.<name> = …"),
    Command(
        "budget",
        _budget,
        "set how much this kernel may spend; without an amount, show what it has spent",
        (arg("usd", metavar="USD", nargs="?", help="US dollars, or off"),),
    ),
    Command(
        "log",
        _log,
        "choose whether conversations are kept on disk; without a choice, show what is kept, and where",
        (
            arg(
                "what",
                metavar="on|off|status|path",
                nargs="?",
                choices=("on", "off", "status", "path"),
                default="status",
            ),
        ),
    ),
    Command("traceback", _traceback, "show the last error in full"),
)
