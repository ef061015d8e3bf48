"""A notebook for the tests of sends: a shell whose front end names its cells, and a service that logs what it gets."""

from __future__ import annotations

import asyncio
import types
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from langswarm_nb.core.session import Intake, SessionMessage
from langswarm_nb.core.session.providers.mock import MockProviderSession
from langswarm_nb.notebook.asking.compare import Comparison
from langswarm_nb.notebook.bridge import run_sync, submit
from langswarm_nb.notebook.panel.actions import ACTIONS
from langswarm_nb.notebook.panel.rules import WorkspaceRules
from langswarm_nb.notebook.panel.widget import ChatPanel
from langswarm_nb.notebook.showing.reply import Reply
from tests.support.shells import Ran, Shell


class Service(MockProviderSession):
    """A service on another machine, as far as anyone can see."""

    name = "groq"
    http = types.SimpleNamespace(address=types.SimpleNamespace(origin="https://api.far", is_local=False))

    takes = Intake(tools=("web_search",))

    async def intake(self, model: str, *, native: bool = False) -> Intake:
        """Return what its models take: everything, at first."""
        return self.takes


@dataclass
class Sent:
    """What came of a send."""

    error: str
    """Class and text; empty when it went well."""
    told: str
    """What the reader saw beside the answers."""
    replies: list[SessionMessage]


class Notebook:
    """A shell whose front end names its cells, with a service that logs what it gets."""

    def __init__(self, shell: Shell) -> None:
        self.shell, self.service = shell, Service(replies=["An answer."] * 50)
        shell.workspace.manager.add_provider_session("groq", self.service)

    def run(self, code: str, cell: str) -> Ran:
        """Run a cell, which may fail."""
        return self.shell.try_(code, cell)

    def cell(self, code: str, cell: str = "z") -> Sent:
        """Run a cell that asks."""
        ran = self.run(code, cell)
        return sent(ran.result, ran.complaint, ran.stdout)

    def answers(self, *replies: Any, delay_s: float = 0) -> None:
        """Let the service answer so."""
        self.service = Service(replies=replies, delay_s=delay_s)
        self.shell.workspace.manager.add_provider_session("groq", self.service)

    def panel(self, action: str, use: str | None = None, **content: Any) -> Sent:
        """Ask for something in a panel on the current session, and wait for its end."""
        workspace = self.shell.workspace
        session = run_sync(workspace.current())
        panel = ChatPanel(session, rules=WorkspaceRules(workspace))
        error = ""

        async def act() -> None:
            others = asyncio.all_tasks()
            if use is not None:
                await ACTIONS["model"](panel, {"model": use})
            await ACTIONS[action](panel, content)
            while tasks := asyncio.all_tasks() - others:
                await asyncio.wait(tasks)

        known = run_sync(session.get_messages(branch="all"))
        with closing(panel):
            try:
                submit(act()).result(60)
            except Exception as failure:  # noqa: BLE001 - what it is, a test looks at
                error = f"{type(failure).__name__}: {failure}"
            items = {item["id"]: item for item in panel.transcript["messages"]}
            stored = run_sync(session.get_messages(branch="all"))[len(known) :]
            replies = [message for message in stored if message.request is not None]
            shown = [items[reply.id] for reply in replies if reply.id in items]
            notes = [part for item in shown for part in (item["note"], item["error"])]
        return Sent(error or _failed(replies), "\n".join([panel.problem, *notes]), replies)

    def trace(self) -> Any:
        """Return all that a send could leave behind."""
        workspace = self.shell.workspace
        sessions = run_sync(workspace.manager.list_user_sessions(workspace.user_id, limit=None))
        memories = [repr(run_sync(workspace.memory(session))) for session in sessions]
        kept = [
            (each.record, run_sync(each.get_messages(branch="all")), run_sync(each.branches()))
            for each in sessions
        ]
        return kept, memories, len(self.service.requests), workspace.spent_usd


def sent(result: Any, error: str, stdout: str) -> Sent:
    found = [result] if isinstance(result, Reply) else list(result) if isinstance(result, Comparison) else []
    failures = list(result.errors.values()) if isinstance(result, Comparison) else []
    footers = [reply.footer for reply in found]
    return Sent(
        "\n".join(map(str, [error, *failures])).strip(),
        "\n".join([stdout, *footers]),
        [reply.message for reply in found],
    )


def _failed(replies: list[SessionMessage]) -> str:
    facts = [reply.request for reply in replies if reply.request is not None]
    return "".join(f"{each.error_type}: {each.error_message}" for each in facts if each.status == "error")
