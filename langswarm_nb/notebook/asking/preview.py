"""`Preview`: what ``--dry-run`` shows: the exact messages, what was filled in, an estimate of tokens and price."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langswarm_nb.core.session import SessionMessage
from langswarm_nb.core.session.messages import estimate_tokens
from langswarm_nb.notebook.showing.amounts import UNPRICED_PROVIDERS, count_text, dollars_text
from langswarm_nb.notebook.showing.reply_view import characters
from langswarm_nb.render import visible_controls

from .budget import estimate_usd

if TYPE_CHECKING:
    from .interpolate import Prompt
    from .plan import Plan

_MAX_FIELD_CHARS = 60


class Preview:
    """A prompt that was not sent.

    Parameters
    ----------
    plan : Plan
        Where it would go.
    prompt : Prompt
        The text, with what was filled in.
    """

    def __init__(self, plan: Plan, prompt: Prompt) -> None:
        if plan.send is None:
            raise AssertionError("what is shown was read")
        self._plan, self._send = plan, plan.send
        self.prompt = prompt
        self.models: tuple[str, ...] = plan.models

    @property
    def messages(self) -> tuple[SessionMessage, ...]:
        """The messages as the first of the models would get them: trimmed, hidden ones left out."""
        return self._send.messages

    @property
    def input_tokens(self) -> int:
        """About how many tokens they are; an estimate."""
        return estimate_tokens(self.messages)

    def cost_usd(self, model: str) -> float | None:
        """Return about what sending would cost in US dollars, the reply only as far as ``max_tokens`` limits it."""
        settings = self._plan.settings(model)
        return estimate_usd(settings, self.input_tokens)

    def __str__(self) -> str:
        blocks = [f"{message.role.value}:\n{message.content}" for message in self.messages]
        filled = [
            f"{{{{ {field.expression} }}}} → {field.kind}, {characters(field.text)}: {_shortened(field.text)}"
            for field in self.prompt.fields
        ]
        prices = [
            f"{model} · ~{count_text(self.input_tokens)} tok in · {_price(model, self.cost_usd(model))} · not sent"
            for model in self.models
        ]
        options = self._plan.settings(self.models[0]).request_options
        told = [", ".join(f"{name}={value!r}" for name, value in options.items())] if options else []
        return "\n\n".join([*blocks, "\n".join([*filled, *told, *self._send.notes, *prices])])

    def __repr__(self) -> str:
        return visible_controls(str(self))


def _price(model: str, cost_usd: float | None) -> str:
    if model.partition(":")[0] in UNPRICED_PROVIDERS:
        return "free"
    return "price unknown" if cost_usd is None else f"~{dollars_text(cost_usd)}"


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _MAX_FIELD_CHARS else f"{line[:_MAX_FIELD_CHARS]}…"
