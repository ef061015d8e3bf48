"""The options of a send, by name; a misspelt one is an error, for type checkers too."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

from langswarm_nb.core.session import checks
from langswarm_nb.core.session.conversation.asks import AskFacts, CellAsk
from langswarm_nb.core.session.errors import SessionTypeError, SessionValueError
from langswarm_nb.core.session.interfaces import IProviderSession
from langswarm_nb.core.session.messages import MessageRole, SessionMessage
from langswarm_nb.core.session.parts.vocabulary import Part
from langswarm_nb.core.session.provider_events import RetryNotice
from langswarm_nb.core.session.providers import parse_model_id
from langswarm_nb.core.session.settings import SessionSettings, SettingOptions, check_setting_names
from langswarm_nb.core.session.values import optional_mapping

from .ask import Ask

if TYPE_CHECKING:
    from langswarm_nb.core.session.answers.answer_schema import AnswerSchema

WhenBusy: TypeAlias = Literal["wait", "raise"]


class AnswerOptions(SettingOptions, total=False):
    """The options of an answer: settings for it only, and how to ask for it.

    Parameters
    ----------
    provider_session : IProviderSession, optional
        The object to send through this time, e.g. with another address; by default the manager's.
    on_send : callable, optional
        Called when nothing has refused it and the request goes out; not when the answer is there already.
    on_retry : callable, optional
        Called before each wait for a retry; may be async.
    on_wait : callable, optional
        Called when another message of the session is still being answered, elsewhere.
    when_busy : {"wait", "raise"}, default "wait"
        What to do while another message of the session is being answered, whoever sent it: wait for that answer, or
        raise `SessionLeasedError`. A message that goes beside the path never waits.
    expected_tip : str, optional
        Id of the message that the path must end with, empty for an empty path; else `SessionMovedError` is raised.
    tools : sequence of str, optional
        Tools of the model's service that it may use, by name: ``web_search``, …; see `Intake`.
    """

    provider_session: IProviderSession | None
    on_send: Callable[[], None] | None
    on_retry: Callable[[RetryNotice], Awaitable[None] | None] | None
    on_wait: Callable[[str], None] | None
    when_busy: WhenBusy
    expected_tip: str | None
    tools: Sequence[str]


class SendOptions(AnswerOptions, total=False):
    """All options of a send: those of an answer, what goes with the message, and where it goes.

    Parameters
    ----------
    attachments : sequence, optional
        Images, files, figures, frames: anything that `attach` takes.
    parts : sequence of mapping
        Other parts besides the text, such as results of tools; see `Part`.
    metadata : mapping, optional
        JSON of the caller's own, kept with the message.
    system : str, optional
        System text that comes with the message and replaces the earlier one; an empty text removes it.
    version_of : str, optional
        Id of a message; the new one becomes a further version of its turn, in its place.
    parent : int, "tip" or None, default "tip"
        `seq` of the message to continue from, with a new turn; None starts a new root.
    history : bool, default True
        False sends the system text and this message alone, beside the active path.
    activate : bool, default True
        False leaves the active path as it is; several such sends may run at once.
    message_id : str, optional
        The caller's own id for the message, which makes it safe to send it again: a message with this id is stored once
        and answered once. While it is being answered, a repeat waits and then gets the same reply; nothing is sent.
        After a failure, or a reply that was cut short, a repeat asks the same question again. The same id with another
        text raises `SessionExistsError`. Only for messages that go on the path.
    source, cell_id, compare_id : str, optional
        Where the message came from, to be stored with it.
    asked : CellAsk, optional
        For a message from a cell: how it asks, and what its kernel asked before.
    """

    attachments: Sequence[object]
    parts: Sequence[Part]
    metadata: Mapping[str, Any] | None
    system: str | None
    version_of: str | None
    parent: int | Literal["tip"] | None
    history: bool
    activate: bool
    message_id: str | None
    source: str
    cell_id: str | None
    compare_id: str | None
    asked: CellAsk | None


SETTINGS = frozenset(SettingOptions.__annotations__)


def make_ask(
    content: str,
    role: MessageRole | str,
    settings: Callable[[Mapping[str, Any]], SessionSettings],
    options: Mapping[str, Any],
) -> Ask:
    """Check and return what one send asks for.

    Parameters
    ----------
    content, role
        The question.
    settings : callable
        Called with the given settings; returns those of the send.
    options : mapping
        `SendOptions`.

    Raises
    ------
    SessionValueError, SessionTypeError
        An option is misspelt or not allowed.
    """
    given = _given(options, SendOptions.__annotations__)
    message = checks.question(
        content,
        role,
        _parts(given),
        given.get("metadata"),
        given.get("source", "api"),
        given.get("cell_id"),
    )
    made, schema = _settings_and_schema(settings, options)
    compare_id, message_id, beside = given.get("compare_id"), given.get("message_id"), _beside(given)
    if message_id is not None:
        message = replace(message, id=_own_id(message_id, beside))
    return Ask(
        message,
        made,
        AskFacts(
            text=message.content,
            parent=checks.parent(given.get("parent", "tip")),
            beside=beside,
            asked=given.get("asked"),
        ),
        system=None if given.get("system") is None else checks.system_text(given["system"]),
        version_of=given.get("version_of"),
        compare_id=None if compare_id is None else checks.text("compare_id", compare_id),
        is_named=message_id is not None,
        schema=schema,
        **_how(given),
    )


def make_ask_again(
    message_id: str | None,
    settings: Callable[[Mapping[str, Any]], SessionSettings],
    options: Mapping[str, Any],
) -> Ask:
    """Check and return what answering a stored question again asks for; the question is yet to be looked up.

    Parameters
    ----------
    message_id : str, optional
        The question, or one of its replies; by default the last question of the active path.
    settings : callable
        As for `make_ask`.
    options : mapping
        `AnswerOptions`.

    Raises
    ------
    SessionValueError, SessionTypeError
        An option is misspelt or not allowed.
    """
    given = _given(options, AnswerOptions.__annotations__)
    made, schema = _settings_and_schema(settings, options)
    return Ask(
        SessionMessage(),
        made,
        AskFacts(text=""),
        regenerates=True,
        of=None if message_id is None else checks.text("message_id", message_id),
        schema=schema,
        asks_as_before="schema" not in options,
        **_how(given),
    )


def settings_of(settings: SessionSettings, model: str | None, changes: Mapping[str, Any]) -> SessionSettings:
    """Return the settings of one send: the session's, with the changes for this send.

    Raises
    ------
    SessionValueError, SessionTypeError
        A name is misspelt, or a value not allowed.
    """
    if model is not None:
        provider, name = parse_model_id(model, default_provider=changes.get("provider") or settings.provider)
        changes = {**changes, "provider": provider, "model": name}
    changed = settings.updated(**changes) if changes else settings
    optional_mapping("options", changed.options)  # they are kept with the reply, so they have to be JSON
    return changed


def _given(options: Mapping[str, Any], known: Collection[str]) -> dict[str, Any]:
    """Return the options that are not settings."""
    check_setting_names(options, known)
    return {name: value for name, value in options.items() if name not in SETTINGS}


def _settings_and_schema(
    settings: Callable[[Mapping[str, Any]], SessionSettings], options: Mapping[str, Any]
) -> tuple[SessionSettings, AnswerSchema | None]:
    """Return the settings of a send, and what its answer has to be: of what was given, which may be a type."""
    changes = {name: value for name, value in options.items() if name in SETTINGS}
    given = changes.get("schema")
    if given is not None:
        from langswarm_nb.core.session.answers.answer_schema import schema_of  # few sends ask for a value

        changes["schema"] = given = schema_of(given)
    made = settings(changes)
    if given is None and made.schema is not None:
        from .answering import schema_of_setting

        given = schema_of_setting(made.schema)
    return made, given


def _parts(given: Mapping[str, Any]) -> Sequence[Part]:
    """Return the parts that go with a message: what is attached, then all others."""
    if "attachments" not in given:
        return cast("Sequence[Part]", given.get("parts", ()))
    things = given["attachments"]
    if isinstance(things, (str, bytes)) or not isinstance(things, Sequence):
        raise SessionTypeError.of("attachments", things, "a list of what is to be attached")
    if not things:
        return cast("Sequence[Part]", given.get("parts", ()))
    from langswarm_nb.core.session.attachments.attaching import (
        attach,
        check_together,
    )  # few messages carry something

    attached = [attach(thing).part for thing in things]
    check_together(attached)
    return [*attached, *given.get("parts", ())]


def _how(given: Mapping[str, Any]) -> dict[str, Any]:
    provider_session = given.get("provider_session")
    told = {name: given.get(name) for name in ("on_send", "on_retry", "on_wait")}
    expected_tip = given.get("expected_tip")
    return {
        "waits": checks.when_busy(given.get("when_busy", "wait")),
        "expected_tip": None if expected_tip is None else checks.path_end(expected_tip),
        "provider_session": provider_session
        and checks.instance("provider_session", provider_session, IProviderSession),
        **{name: call and checks.function(name, call) for name, call in told.items()},
        "tools": _tools(given["tools"]) if "tools" in given else (),
    }


def _tools(names: object) -> tuple[str, ...]:
    return tuple(dict.fromkeys(checks.listed("tools", names, str, "a list of names (texts)")))


def _own_id(value: object, beside: str | None) -> str:
    """Return the id that a caller has chosen for its message."""
    if beside is not None:
        raise SessionValueError.of(
            "message_id",
            value,
            "None for what goes beside the path (history=False, activate=False): the store cannot say there whether "
            "the message is still being answered",
        )
    return checks.text("message_id", value)


def _beside(given: Mapping[str, Any]) -> Literal["aside", "comparison"] | None:
    if not checks.flag("history", given.get("history", True)):
        return "aside"
    return None if checks.flag("activate", given.get("activate", True)) else "comparison"
