"""The settings of the magics: traits for ``%config``, with defaults from ``LANGSWARM_<NAME>``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Literal, get_args

from traitlets import Bool, Enum, Float, Int, TraitError, Unicode
from traitlets.config import Configurable

Format = Literal["markdown", "text", "html", "json", "math", "code", "none"]
"""How a reply is shown."""
FORMATS: tuple[Format, ...] = get_args(Format)
ENVIRONMENT_PREFIX = "LANGSWARM_"


class NotebookConfig(Configurable):
    """What ``%config LangSwarmMagics.<name> = …`` sets; a flag of a cell comes before it."""

    model: Unicode[str, str | bytes] = Unicode(
        "", help="Model of new sessions, as provider:model; empty for the offline mock:echo."
    ).tag(config=True)
    session: Unicode[str, str | bytes] = Unicode(
        "", help="Session to continue; empty for the one that the notebook used last."
    ).tag(config=True)
    store: Unicode[str, str | bytes] = Unicode(
        "sqlite", help="Where sessions are kept: sqlite (a file) or memory."
    ).tag(config=True)
    db_path: Unicode[str, str | bytes] = Unicode(
        "", help="File of the sqlite store; empty for the user's data directory."
    ).tag(config=True)
    max_context_tokens: Int[int | None, int | None] = Int(
        None, allow_none=True, help="How many tokens one request may send; None for no limit."
    ).tag(config=True)
    trim: Enum[str] = Enum(
        ["oldest", "error"],
        "oldest",
        help="Above that limit: leave out the oldest turns, or refuse.",
    ).tag(config=True)
    footer: Enum[str] = Enum(["auto", "full", "off"], "auto", help="The line below a reply.").tag(config=True)
    format: Enum[Format] = Enum(FORMATS, "markdown", help="How replies are shown.").tag(config=True)
    stream: Bool[bool, bool | int] = Bool(
        True, help="Show replies while they arrive; False shows each when it is complete."
    ).tag(config=True)
    rerun: Enum[str] = Enum(
        ["version", "append", "replace"],
        "version",
        help="A cell that runs again makes a new version of its turn, adds a turn, or hides the old version.",
    ).tag(config=True)
    interpolate: Bool[bool, bool | int] = Bool(True, help="Replace {{ name }} in prompts by its value.").tag(
        config=True
    )
    log_content: Bool[bool, bool | int] = Bool(
        True,
        help="Keep conversations on disk; False keeps sizes and usage there, and the words only in memory.",
    ).tag(config=True)
    short_errors: Bool[bool, bool | int] = Bool(
        True, help="Show errors in one line; %langswarm traceback shows the rest."
    ).tag(config=True)
    budget_usd: Float[int | None, int | float | None] = Float(
        None, allow_none=True, help="How much this kernel may spend, in US dollars."
    ).tag(config=True)
    timeout_s: Float[int | None, int | float | None] = Float(
        None, allow_none=True, help="Time limit of a request, in seconds; None for the provider's own."
    ).tag(config=True)
    retries: Int[int | None, int | None] = Int(
        None, allow_none=True, help="How often to try again where that is safe; None for the provider's own."
    ).tag(config=True)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.ignored: list[str] = self._read_environment(os.environ)

    def _read_environment(self, environment: Mapping[str, str]) -> list[str]:
        """Take over what the environment sets and no configuration file does; return complaints."""
        complaints = []
        set_already = self._find_my_config(self.config)
        for name, trait in self.traits(config=True).items():
            variable = f"{ENVIRONMENT_PREFIX}{name.upper()}"
            text = environment.get(variable)
            if text is None or name in set_already:
                continue
            try:
                setattr(self, name, trait.from_string(text))
            except (TraitError, ValueError):
                complaints.append(f"{variable}={text!r} is not allowed and was ignored: {trait.info()} is.")
        return complaints
