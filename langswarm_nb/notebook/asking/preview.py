"""`Preview`: what ``--dry-run`` shows: the exact messages, what was filled in, an estimate of tokens and price."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session import SessionMessage
from langswarm_nb.core.session.messages import estimate_tokens
from langswarm_nb.core.session.parts.tokens import tokens_of
from langswarm_nb.core.session.parts.twins import facts_of, name_of, twin
from langswarm_nb.core.session.parts.vocabulary import ATTACHED
from langswarm_nb.notebook.bridge import kernel_shell
from langswarm_nb.notebook.showing.amounts import count_text, price_text
from langswarm_nb.notebook.showing.reply_view import characters
from langswarm_nb.notebook.showing.transcript import message_html
from langswarm_nb.render import visible_controls

from .budget import estimate_usd

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .interpolate import Prompt
    from .plan import Plan
    from .structured import Asking

_MAX_FIELD_CHARS = 60


class Preview:
    """A prompt that was not sent.

    Parameters
    ----------
    plan : Plan
        Where it would go.
    prompt : Prompt
        The text, with what was filled in.

    Raises
    ------
    SchemaRouteError
        A model cannot be asked for an answer of the schema.
    """

    def __init__(self, plan: Plan, prompt: Prompt) -> None:
        if plan.send is None:
            raise AssertionError("what is shown was read")
        self._plan, self._send = plan, plan.send
        self.prompt = prompt
        self.models: tuple[str, ...] = plan.models
        schema = plan.asks[0].schema
        self._asking: Mapping[str, Asking] = {}
        if schema is not None:
            from .structured import asking  # most answers are text

            self._asking = asking(plan, prompt, schema)

    @property
    def messages(self) -> tuple[SessionMessage, ...]:
        """The messages as the first of the models would get them: trimmed, hidden ones left out."""
        first = self._asking.get(self.models[0])
        messages = self._send.messages
        return messages if first is None or first.way is None else tuple(first.way.with_words(messages))

    @property
    def input_tokens(self) -> int:
        """About how many tokens the first of the models gets, with the schema of its answer; an estimate."""
        return self._tokens(self.models[0])

    def cost_usd(self, model: str) -> float | None:
        """Return about what sending would cost in US dollars, the reply only as far as ``max_tokens`` limits it."""
        settings = self._plan.settings(model)
        return estimate_usd(settings, self._tokens(model))

    def _tokens(self, model: str) -> int:
        """Return about how many tokens a model gets."""
        found = self._asking.get(model)
        return estimate_tokens(self._send.messages) + (0 if found is None else found.tokens)

    def __str__(self) -> str:
        blocks = [
            "\n\n".join([f"{message.role.value}:\n{message.content}", *_added(message)])
            for message in self.messages
        ]
        filled = [
            f"{{{{ {field.expression} }}}} → {field.kind}, {characters(field.text)}: {_shortened(field.text)}"
            for field in self.prompt.fields
        ]
        prices = [
            " · ".join(
                [
                    model,
                    f"~{count_text(self._tokens(model))} tok in",
                    *([self._asking[model].text] if model in self._asking else []),
                    self._price(model),
                    "not sent",
                ]
            )
            for model in self.models
        ]
        told = [options] if (options := self._options) else []
        goes = [f"with it: {', '.join(row)}" for row in self._carried]
        schemas = list(dict.fromkeys(f"{found.label}: {found.json}" for found in self._asking.values()))
        lines = [*filled, *goes, *schemas, *told, *self._send.notes, *prices]
        return "\n\n".join([*blocks, "\n".join(lines)])

    @property
    def _carried(self) -> list[tuple[str, ...]]:
        """Of what goes beside the text: name, what it is, about how many tokens."""
        return [
            (name_of(part) or part["type"], " · ".join(facts), f"~{count_text(tokens_of(part))} tok")
            for message in self.messages
            for part in message.parts
            if part["type"] in (*ATTACHED, "context")
            for facts in [facts_of(part) or [part["type"]]]
        ]

    def __repr__(self) -> str:
        return visible_controls(str(self))

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        if kernel_shell() is None:
            return {}
        return {"text/html": self._html(), "text/plain": repr(self)}

    def _html(self) -> str:
        """Return the messages as bubbles, and below them what sending them would mean."""
        from langswarm_nb.render.page import scoped_page
        from langswarm_nb.render.tables import Code, Table

        models = Table(
            ("model", "tokens in", "schema", "price"),
            [
                (
                    model,
                    f"~{count_text(self._tokens(model))}",
                    self._asking[model].text if model in self._asking else "",
                    self._price(model),
                )
                for model in self.models
            ],
            note=" · ".join(filter(None, (self._options, *self._send.notes))),
        )
        fields = Table(
            ("filled in", "type", "length", "begins with"),
            [
                (
                    Code(f"{{{{ {field.expression} }}}}"),
                    field.kind,
                    characters(field.text),
                    _shortened(field.text),
                )
                for field in self.prompt.fields
            ],
        )
        carried = Table(("goes with it", "what it is", "tokens"), self._carried)
        tables = [table.body_html() for table in (fields, carried, models) if table.rows]
        head = '<div class="lsnb-caption">Not sent. This is what the model would get:</div>'
        schemas = dict.fromkeys(found.html for found in self._asking.values())
        return scoped_page("".join([head, *map(message_html, self.messages), *schemas, *tables]))

    @property
    def _options(self) -> str:
        options = self._plan.settings(self.models[0]).request_options
        tools = self._plan.options.get("tools")
        told = [f"{name}={value!r}" for name, value in options.items()]
        return ", ".join([*told, *([f"tools: {', '.join(tools)}"] if tools else [])])

    def _price(self, model: str) -> str:
        cost_usd = self.cost_usd(model)
        price = price_text(model.partition(":")[0], cost_usd)
        return f"~{price}" if cost_usd else price or "free"


def _added(message: SessionMessage) -> list[str]:
    """Return the texts that go with a message beside its own."""
    return [twin(part) for part in message.parts if part["type"] == "context"]


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _MAX_FIELD_CHARS else f"{line[:_MAX_FIELD_CHARS]}…"
