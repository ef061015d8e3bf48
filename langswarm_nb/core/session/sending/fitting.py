"""What is sent, as a model takes it: attachments with their bytes, and a text in place of what it does not take.

The provider is asked what its model takes only when something is carried, a tool is asked for, or a value.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from langswarm_nb.core.session.answers.schema_errors import SchemaRouteError
from langswarm_nb.core.session.conversation import notes
from langswarm_nb.core.session.errors import AttachmentError, SessionValueError
from langswarm_nb.core.session.messages import MessageRole, SessionMessage
from langswarm_nb.core.session.parts.blobs import hashes_in, put_back
from langswarm_nb.core.session.parts.media_types import media_type_of, unpacked
from langswarm_nb.core.session.parts.twins import name_of, size_text, twin
from langswarm_nb.core.session.parts.vocabulary import ATTACHED
from langswarm_nb.core.session.provider_events import Intake, ReplyInfo
from langswarm_nb.core.session.providers.intakes import all_tools, examples

from .ask import Ask

if TYPE_CHECKING:
    from langswarm_nb.core.session.answers.answer_schema import AnswerSchema
    from langswarm_nb.core.session.base import SessionManager
    from langswarm_nb.core.session.interfaces import IProviderSession
    from langswarm_nb.core.session.message_tree import MessageTree
    from langswarm_nb.core.session.parts.vocabulary import Part

    from .answering import Answering

_CHANGED = {*ATTACHED, "context", "vendor"}
_NOT_SAID = {"reasoning", "citation"}


class Fitting:
    """Makes one send fit what its model takes."""

    def __init__(self, provider: IProviderSession, ask: Ask, manager: SessionManager) -> None:
        self._provider, self._ask, self._manager = provider, ask, manager
        self._known: Intake | None = None
        self._as_text: list[str] = []
        self.answering: Answering | None = None
        """How it asks for a value, once that was checked; None when it asks for words."""

    @property
    def note(self) -> str:
        """What to show the reader about attachments that went as a text in their place; empty when none did."""
        return notes.as_text(len(self._as_text)) if self._as_text else ""

    @property
    def told(self) -> ReplyInfo:
        """The same for the reply's details."""
        return ReplyInfo(details={"as_text": self._as_text} if self._as_text else {})

    async def _intake(self) -> Intake:
        if self._known is None:
            model = self._ask.settings.model
            # A provider from outside may know of no conversations.
            how = {"native": True} if self._ask.is_native else {}
            self._known = await self._provider.intake(model, **how)
        return self._known

    async def settled(self, message: SessionMessage) -> SessionMessage:
        """Return a question whose attachments are known: those that the model does not take as an address are fetched.

        Raises
        ------
        AttachmentError
            Bytes or an address may not be attached, or it cannot be fetched.
        """
        if not any("url" in part or "data" in part for part in message.attachments):
            return message
        intake = await self._intake()
        parts = [_settled(part) if part["type"] in ATTACHED else part for part in message.parts]
        if any(_must_be_fetched(part, intake) for part in parts):
            from langswarm_nb.core.session.attachments.fetching import fetched  # few messages need it

            parts = [await fetched(part) if _must_be_fetched(part, intake) else part for part in parts]
        return replace(message, parts=tuple(parts))

    async def check(self, message: SessionMessage) -> None:
        """Check that the model takes what a question carries, has the tools, and can be asked for the value.

        Raises
        ------
        AttachmentError
            It does not take an attachment, or all of them together are too much.
        SessionValueError
            There is no such tool.
        SchemaRouteError
            It cannot be asked for an answer of the schema.
        """
        if self._ask.schema is not None:
            await self.choose_route(self._ask.schema)
        if not (message.attachments or self._ask.tools):
            return
        intake = await self._intake()
        for tool in self._ask.tools:
            if tool not in intake.tools:
                raise self._no_tool(tool, intake)
        for part in message.attachments:
            if not (takes(intake, part) or (self._ask.regenerates and _may_be_fetched(part, intake))):
                raise self._not_taken(part)
        self._check_amount(message.attachments, intake)

    async def choose_route(self, schema: AnswerSchema) -> Answering:
        """Find out how the model is asked for an answer of a schema.

        Raises
        ------
        SchemaRouteError
            It cannot be.
        """
        from .answering import answering  # few sends ask for a value

        intake = await self._intake()
        try:
            self.answering = answering(schema, self._ask.settings.repair, intake, self._who, self._ask.tools)
        except SchemaRouteError as error:
            others = "" if intake.routes else self._who_else(lambda intake: bool(intake.routes))
            error.args = (f"{error}{others} Nothing was stored or sent.",)
            raise
        return self.answering

    async def fitted(
        self, messages: Sequence[SessionMessage], session: MessageTree
    ) -> Sequence[SessionMessage]:
        """Return messages of a session as the model takes them; the bytes of what it takes are read."""
        if not any(part["type"] in _CHANGED for message in messages for part in message.parts):
            return messages
        intake = await self._intake()
        if self._ask.regenerates:  # asked before of a model that went to its addresses itself
            messages = [*messages[:-1], await self.settled(messages[-1])]
        kept = _newest(messages, intake)
        fit = [self._fit(message, intake, index >= kept) for index, message in enumerate(messages)]
        hashes = hashes_in(part for message in fit for part in message.attachments)
        blobs = await session.storage.read_blobs(session.key, hashes) if hashes else {}
        return [replace(one, parts=_with_bytes(one.parts, blobs)) if one.attachments else one for one in fit]

    def _fit(self, message: SessionMessage, intake: Intake, keeps: bool) -> SessionMessage:
        if not any(part["type"] in _CHANGED for part in message.parts):
            return message
        made_by = (
            message.request.provider if message.request and message.role is MessageRole.ASSISTANT else None
        )
        # What a model made, such as a picture, its own service alone takes back.
        keeps = keeps and made_by in (None, self._provider.name)
        parts = [fit for part in message.all_parts for fit in self._taken(part, intake, keeps)]
        if not any(part["type"] not in _NOT_SAID for part in parts):
            # A turn that says nothing would be refused.
            parts += [
                {"type": "text", "text": twin(part)} for part in message.parts if part["type"] == "vendor"
            ]
        return replace(message, parts=tuple(parts))

    def _taken(self, part: Part, intake: Intake, keeps: bool) -> list[Part]:
        kind = part["type"]
        if kind == "vendor":
            return [part] if part["provider"] == self._provider.name else []
        if kind in ATTACHED and keeps and takes(intake, part):
            return [part]
        if kind in ATTACHED:
            self._as_text.append(twin(part).strip("[]"))
        return [{"type": "text", "text": twin(part)}] if kind in {*ATTACHED, "context"} else [part]

    def _check_amount(self, attachments: Sequence[Part], intake: Intake) -> None:
        who = self._who
        size, n_images = _amount(attachments)
        if intake.max_images is not None and n_images > intake.max_images:
            raise AttachmentError(
                f"{who} takes at most {intake.max_images} images at once, but there are {n_images}. Attach fewer. "
                f"Nothing was stored or sent."
            )
        if intake.max_bytes is not None and size > intake.max_bytes:
            raise AttachmentError(
                f"{who} takes at most {size_text(intake.max_bytes)} at once, and what is attached is "
                f"{size_text(size)} as it is sent. Attach less, or make it smaller.{self._who_else(_takes_more(size))} "
                "Nothing was stored or sent."
            )

    def _not_taken(self, part: Part) -> AttachmentError:
        what = media_type_of(part) or part["type"]
        name = f" ({name_of(part)})" if name_of(part) else ""
        others = self._who_else(lambda intake: takes(intake, part))
        return AttachmentError(f"{self._who} does not take {what}{name}.{others} Nothing was stored or sent.")

    def _no_tool(self, tool: str, intake: Intake) -> SessionValueError:
        if tool not in all_tools():
            return SessionValueError.of("tools", tool, all_tools())
        own = f"it has {', '.join(intake.tools)}" if intake.tools else "its service runs no tools"
        others = self._who_else(lambda intake: tool in intake.tools, "have it")
        error = SessionValueError(f"{self._who} has no {tool}: {own}.{others} Nothing was stored or sent.")
        error.parameter = "tools"
        return error

    @property
    def _who(self) -> str:
        return f"{self._ask.settings.provider}:{self._ask.settings.model}"

    def _who_else(self, wanted: Callable[[Intake], bool], what: str = "do") -> str:
        """Return a sentence that names models which can: those here, else others."""
        here = examples(wanted, self._manager.providers_here())
        if here:
            return f" Models here that {what}: {', '.join(here)}."
        others = examples(wanted)
        return f" Models that {what}, with a key or server: {', '.join(others)}." if others else ""


async def checked(
    provider: IProviderSession, ask: Ask, manager: SessionManager
) -> tuple[SessionMessage, Answering | None]:
    """Return the question of an ask as it will be stored, and how it asks for a value; all that can be is refused here.

    Raises
    ------
    SessionError
        As `Fitting.settled` and `Fitting.check`.
    """
    fitting = Fitting(provider, ask, manager)
    question = await fitting.settled(ask.message)
    await fitting.check(question)
    return question, fitting.answering


def takes(intake: Intake, attachment: Part) -> bool:
    """Tell whether a model takes an attachment as it is."""
    attachment = unpacked(attachment)
    if "url" not in attachment:
        return intake.takes(attachment["media_type"])
    from langswarm_nb.core.session.attachments.addresses import may_be_attached  # few messages need it

    return intake.takes_address(attachment) and may_be_attached(str(attachment["url"]))


def _settled(attachment: Part) -> Part:
    """Return an attachment of a question, which holds to the rules of `attach`, whatever way it came."""
    attachment = unpacked(attachment)
    if attachment.get("data") is not None:
        from langswarm_nb.core.session.attachments.attaching import check_bytes  # few messages need it

        check_bytes(attachment)
    if "url" not in attachment:
        return attachment
    from langswarm_nb.core.session.attachments.addresses import checked_address  # few messages need it

    return {**attachment, "url": checked_address(str(attachment["url"]))}


def _must_be_fetched(part: Part, intake: Intake) -> bool:
    return part["type"] in ATTACHED and "url" in part and not intake.takes_address(part)


def _may_be_fetched(part: Part, intake: Intake) -> bool:
    """Tell whether an address may lead to what the model takes as bytes."""
    told = media_type_of(part)
    return "url" in part and (intake.takes(told) if told else bool(intake.media_types))


def _with_bytes(parts: Sequence[Part], blobs: Mapping[str, bytes]) -> tuple[Part, ...]:
    """Return parts with their bytes as base64 text."""
    return tuple(
        {**part, "data": base64.b64encode(data).decode("ascii")} if isinstance(data, bytes) else part
        for part in put_back(parts, blobs)
        for data in (part.get("data"),)
    )


def _amount(attachments: Sequence[Part]) -> tuple[int, int]:
    """Return how many bytes attachments are as base64 text, and how many of them are images."""
    sizes = (_size(part) for part in attachments)
    return sum((size + 2) // 3 * 4 for size in sizes), sum(part["type"] == "image" for part in attachments)


def _size(part: Part) -> int:
    if isinstance(part.get("size"), int):
        return int(part["size"])
    data = part.get("data") or ""
    return len(data) if isinstance(data, bytes) else len(data) * 3 // 4


def _newest(messages: Sequence[SessionMessage], intake: Intake) -> int:
    """Return the index of the first message whose attachments go: all may be more than a request holds."""
    if intake.max_bytes is None and intake.max_images is None:
        return 0
    n_bytes = n_images = 0
    for index in range(len(messages) - 1, -1, -1):
        taken = [part for part in messages[index].attachments if takes(intake, part)]
        more_bytes, more_images = _amount(taken)
        n_bytes, n_images = n_bytes + more_bytes, n_images + more_images
        if n_bytes > (intake.max_bytes or n_bytes) or n_images > (intake.max_images or n_images):
            return index + 1
    return 0


def _takes_more(size: int) -> Callable[[Intake], bool]:
    return lambda intake: bool(intake.media_types) and (intake.max_bytes or size) >= size
