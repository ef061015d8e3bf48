"""Tab in a shell: IPython asks, `candidates` answers, with names from the workspace."""

from __future__ import annotations

from collections.abc import Coroutine
from types import GenericAlias
from typing import TYPE_CHECKING, Any, TypeVar

from langswarm_nb.core.session import SessionError, provider_names
from langswarm_nb.core.session.providers.catalogue import OFFLINE_PROVIDERS
from langswarm_nb.notebook.bridge import run_within

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from langswarm_nb.notebook.workspace import Workspace

    from .candidates import Sources

T = TypeVar("T")
_WAIT_S = 1.0
"""Longest wait for the store; Tab must not hang."""


class Completion:
    """A matcher of one shell."""

    def __init__(self, shell: InteractiveShell, workspace: Workspace) -> None:
        self._shell, self._workspace = shell, workspace

    def add(self) -> None:
        """Offer ours before IPython's own; IPython before 8.6, which Colab has, knows no such matchers."""
        from IPython.core import completer

        if hasattr(completer, "context_matcher"):
            self._shell.Completer.custom_matchers.insert(0, self._matcher())

    def remove(self) -> None:
        """Take ours away."""
        matchers = getattr(self._shell.Completer, "custom_matchers", [])
        matchers[:] = [known for known in matchers if getattr(known, "completion", None) is not self]

    def _matcher(self) -> Any:
        from IPython.core.completer import CompletionContext, SimpleCompletion, context_matcher

        @context_matcher(identifier="langswarm_nb")  # type: ignore[untyped-decorator]  # IPython's is not typed
        def match(context: CompletionContext) -> Any:
            from .candidates import complete

            before = context.full_text[: _offset(context)]
            found = complete(before, self._sources())
            if found is None:
                return {"completions": []}
            words = [SimpleCompletion(word, type=found.type) for word in found.words]
            return {
                "completions": words,
                "matched_fragment": found.fragment,
                "suppress": bool(words),
                "ordered": True,
            }

        match.completion = self  # how `remove` knows it
        return match

    def _sources(self) -> Sources:
        from .candidates import Sources

        workspace = self._workspace
        return Sources(
            of_kind={
                "model": self._models,
                "provider": provider_names,
                "session": lambda: _now(self._sessions(), []),
                "branch": lambda: _now(self._branches(), []),
                "attachment": self._attachments,
                "schema": self._schemas,
                "tool": lambda: _now(self._tools(), []),
            },
            variables=workspace.shell.user_ns,
        )

    def _models(self) -> list[str]:
        from langswarm_nb.notebook.asking.model_hints import offline_models

        workspace = self._workspace
        offline = _now(offline_models(workspace.manager), [])
        others = [f"{name}:" for name in provider_names() if name not in OFFLINE_PROVIDERS]
        return [*workspace.aliases, *offline, *others, *sorted(workspace.seen_models)]

    async def _sessions(self) -> list[str]:
        workspace = self._workspace
        return [workspace.name_of(session) for session in await workspace.last_used(200)]

    def _attachments(self) -> list[str]:
        names = self._workspace.shell.user_ns
        variables = [f"{{{{{name}}}}}" for name, value in names.items() if _may_be_attached(name, value)]
        return ["cell", *(f"Out[{number}]" for number in names.get("Out", {})), *variables]

    def _schemas(self) -> list[str]:
        names = self._workspace.shell.user_ns
        return [f"{{{{{name}}}}}" for name, value in names.items() if _may_describe(name, value)]

    async def _tools(self) -> list[str]:
        workspace = self._workspace
        session = await workspace.peek()
        settings = workspace.new_settings() if session is None else session.settings
        provider = workspace.manager.provider_session(settings.provider)
        return list((await provider.intake(settings.model)).tools)

    async def _branches(self) -> list[str]:
        session = await self._workspace.peek()
        return [] if session is None else list(await session.branches())


def _may_be_attached(name: str, value: object) -> bool:
    """Tell whether a variable is worth an offer: those of IPython, modules, functions and classes are not."""
    from types import FunctionType, ModuleType

    return not name.startswith("_") and not isinstance(
        value, (ModuleType, FunctionType, type, int, float, bool, dict, list)
    )


def _may_describe(name: str, value: object) -> bool:
    """Tell whether a variable may say what an answer has to be: a type of the user's, a dict that holds something."""
    if name.startswith("_") or name in {"In", "Out"}:
        return False
    is_type = isinstance(value, type) or type(value).__module__ == "typing" or isinstance(value, GenericAlias)
    return is_type or (isinstance(value, dict) and bool(value))


def _offset(context: Any) -> int:
    """Return where the cursor is in the whole text."""
    lines = context.full_text.split("\n")
    above: int = sum(len(line) + 1 for line in lines[: context.cursor_line])
    return above + int(context.cursor_position)


def _now(question: Coroutine[Any, Any, T], otherwise: T) -> T:
    """Ask the store, from whatever thread and loop Tab is handled on; nothing is worth a long wait."""
    try:
        return run_within(_WAIT_S, question)
    except (SessionError, TimeoutError):
        return otherwise
