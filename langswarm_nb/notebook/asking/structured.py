"""What an answer has to be, from the words of the first line: a one-line schema, a variable, a file, questions."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError

from langswarm_nb.core.session import parse_model_id
from langswarm_nb.core.session.answers.answer_schema import AnswerSchema, schema_of
from langswarm_nb.core.session.answers.questions import questions_of
from langswarm_nb.core.session.errors import in_words, shown
from langswarm_nb.core.session.messages import about_tokens

from .interpolate import named_value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from langswarm_nb.core.session import IProviderSession
    from langswarm_nb.core.session.answers.questions import Question
    from langswarm_nb.core.session.sending.answering import Answering
    from langswarm_nb.core.session.sending.options import SendOptions

    from .interpolate import Prompt
    from .options import CellOptions
    from .plan import Plan

_MAX_FILE_BYTES = 1_000_000


def with_answer(prompt: Prompt, options: CellOptions, names: Mapping[str, Any]) -> Prompt:
    """Return a prompt with what its answer has to be.

    Parameters
    ----------
    prompt : Prompt
        The text, filled in.
    options : CellOptions
        What the cell asks for.
    names : mapping
        The user's variables.

    Raises
    ------
    UsageError
        A variable or file is not there, or is not a schema.
    SchemaError
        It describes nothing that can be asked for.
    """
    if options.decide is not None:
        if options.schema is not None:
            raise UsageError("--schema and --decide each say what the answer has to be: give one of them.")
        return replace(prompt, questions=questions_of(_given("--decide", options.decide, names)))
    if options.schema is not None:
        return replace(prompt, schema=asked_schema(options.schema, names))
    if options.repair is not None:
        raise UsageError("--repair says how often a structured answer is asked for again: add --schema.")
    return prompt


def asked_schema(given: object, names: Mapping[str, Any]) -> AnswerSchema:
    """Return the schema that a word of the line, or what Python hands over, describes.

    Raises
    ------
    UsageError
        A variable or file is not there, or is not a schema.
    SchemaError
        It describes nothing that can be asked for.
    """
    return schema_of(_given("--schema", given, names))


def _given(flag: str, word: object, names: Mapping[str, Any]) -> object:
    """Return what a word stands for."""
    if not isinstance(word, str):
        return word
    text = word.strip()
    if text.startswith("{{"):
        return named_value(text, names)
    if text.lower().endswith(".json"):
        return _from_file(flag, text)
    if text.isidentifier() and isinstance(names.get(text), (type, dict)):
        raise UsageError(
            f"{flag} {text}: as a word this asks for one value called {text!r}. The variable goes as {flag} "
            f"{{{{{text}}}}}; to ask for such a value, write `{text} str`."
        )
    return text


def _from_file(flag: str, name: str) -> object:
    path = Path(name).expanduser()
    try:
        if path.stat().st_size > _MAX_FILE_BYTES:
            raise UsageError(
                f"{flag} {name}: the file is larger than {_MAX_FILE_BYTES:,} bytes, which no schema is."
            )
        found = json.loads(path.read_text("utf-8-sig"))
    except FileNotFoundError:
        where = f"in {shown(str(Path.cwd()))}" if not path.is_absolute() else "there"
        raise UsageError(f"{flag} {name}: there is no such file {where}.") from None
    except OSError as error:
        raise UsageError(f"{flag} {name}: the file cannot be read: {in_words(error)}.") from error
    except ValueError as error:
        raise UsageError(f"{flag} {name}: the file is not JSON: {error}.") from error
    if not isinstance(found, dict):
        raise UsageError(
            f"{flag} {name}: the file holds {_kind(found)}, and a JSON schema is an object, such as "
            '{"type": "object", "properties": {"name": {"type": "string"}}}.'
        )
    return found


def _kind(value: object) -> str:
    kinds = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return kinds.get(type(value), "a number")


async def deciding(
    questions: Sequence[Question], model: str, provider: IProviderSession
) -> tuple[SendOptions, str]:
    """Return how one model is asked questions, and what to show the reader of that.

    A model that gives probabilities is asked for decisions, another one for an answer of a schema.
    """
    from langswarm_nb.core.session.answers.decided import decision_schema, value_schema
    from langswarm_nb.core.session.providers.decider import Decider

    if (await provider.intake(parse_model_id(model)[1])).decides:
        return {"provider_session": Decider(provider, questions), "schema": decision_schema(questions)}, ""
    return {
        "provider_session": provider,
        "schema": value_schema(questions),
    }, "no probabilities: the model gives none"


@dataclass(frozen=True, slots=True)
class Asking:
    """How one model would be asked for a value."""

    text: str
    """The schema's name, the route, and its tokens."""
    tokens: int
    """About how many the schema adds to the input."""
    json: str
    """The schema as the service would get it."""
    way: Answering | None = None
    """What the messages say of it; None for decisions."""

    @property
    def html(self) -> str:
        """The schema, folded, for use in a page."""
        from langswarm_nb.render.escaping import code_block_html

        shown = json.dumps(json.loads(self.json), ensure_ascii=False, indent=2)
        return f"<details><summary>schema</summary>{code_block_html(shown, 'json')}</details>"


def asking(plan: Plan, prompt: Prompt, schema: AnswerSchema) -> Mapping[str, Asking]:
    """Return how each model of a plan would be asked for a value, as far as its table of models tells.

    Raises
    ------
    SchemaRouteError
        A model cannot be asked for it.
    """
    return {model: _asking(plan, prompt, schema, model) for model in plan.models}


def _asking(plan: Plan, prompt: Prompt, schema: AnswerSchema, model: str) -> Asking:
    from langswarm_nb.core.session.answers.decided import value_schema
    from langswarm_nb.core.session.providers.intakes import intake_of
    from langswarm_nb.core.session.sending.answering import answering

    intake = intake_of(*parse_model_id(model))
    if prompt.questions and intake.decides:
        count = len(prompt.questions)
        return Asking(f"{count} decision{'s' * (count != 1)}", 0, schema.body)
    schema = value_schema(prompt.questions) if prompt.questions else schema
    found = answering(schema, plan.options.get("repair"), intake, model)
    sent = json.dumps(found.asked.schema, ensure_ascii=False, separators=(",", ":"))
    tokens = about_tokens(len(found.words) + len(sent) * (found.asked.route != "prompt"), 0)
    name = "schema" if schema.name == "answer" else schema.name
    return Asking(f"{name} by the route {found.asked.route}, ~{tokens} tok", tokens, sent, found)
