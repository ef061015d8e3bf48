"""Mistral: Chat Completions for sessions that we hold, Conversations for those that Mistral holds."""

from __future__ import annotations

import json
import logging
from contextlib import aclosing
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session.errors import ProviderSessionError
from langswarm_nb.core.session.messages import MessageRole
from langswarm_nb.core.session.provider_events import ReplyInfo
from langswarm_nb.core.session.providers._dialect.http_session import HttpProviderSession
from langswarm_nb.core.session.providers._dialect.native_reply import as_new, delete_at, native_reply
from langswarm_nb.core.session.providers._dialect.reply_stream import stream_reply
from langswarm_nb.core.session.providers._dialect.wire import check_options
from langswarm_nb.core.session.providers._http.address import segment
from langswarm_nb.core.session.providers.chat.reader import ChatReader, read_models
from langswarm_nb.core.session.text import one_line

from . import completions, conversations

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from langswarm_nb.core.session.closing import EventStream
    from langswarm_nb.core.session.provider_events import ModelInfo, ProviderEvent, ProviderRequest

__all__ = ["MistralProviderSession"]

_log = logging.getLogger(__name__)
_MOST_KNOWN = 1000


class MistralProviderSession(HttpProviderSession):
    """Mistral's models.

    Parameters
    ----------
    api_key
        None takes it from ``MISTRAL_API_KEY``.
    base_url
        Address up to, but without, ``/v1``; None takes Mistral's.
    headers
        More headers for each request.
    allow_http
        Whether a key may go over plain http to a private network; None: when ``LANGSWARM_ALLOW_HTTP=1`` is set.
    connect_timeout_s, silence_s
        Time limits for connecting and for silence while the answer arrives, in seconds.

    Raises
    ------
    ProviderAuthenticationError
        There is no key, or its format is wrong.
    SessionValueError
        ``base_url`` is not allowed.

    Notes
    -----
    A conversation that Mistral holds keeps the model, the system text and the tools that it began with. When one of
    these changes, a new conversation is started with the whole path.
    """

    name = "mistral"
    supports_native = True

    @cached_property
    def _begun_with(self) -> dict[str, str]:
        """Conversation -> what it was begun with, for the last ones."""
        return {}

    def _begin(self, request: ProviderRequest) -> EventStream[ProviderEvent]:
        check_options(
            self.name, request, completions.REFUSES, conversations.RESERVED if request.native else _RESERVED
        )
        if request.native:
            return native_reply(self.name, request, self._converse)
        body = completions.wire_body(request)
        return stream_reply(self.http, "/v1/chat/completions", body, request, ChatReader())

    async def list_models(self) -> list[ModelInfo]:
        """Return the models that the service offers, including those that do not chat."""
        return await self.http.get_json("/v1/models", read_models)

    async def delete_conversation(self, native_id: str) -> bool:
        """Delete a conversation; one that is gone already counts as deleted."""
        self._begun_with.pop(native_id, None)
        return await delete_at(self.http, _path(native_id))

    async def _converse(self, request: ProviderRequest) -> AsyncGenerator[ProviderEvent, None]:
        fixed = conversations.fixed_body(request)
        if request.native_id is not None and not await self._fits(request, fixed):
            _log.info(
                "Model, system text or tools have changed since conversation %s began: a new one is started.",
                one_line(request.native_id, 100),
            )
            request = as_new(request)
        body = conversations.added_body(request)
        if request.native_id is None:
            path, body = "/v1/conversations", {**fixed, **body}
        else:
            path = _path(request.native_id)
        is_added = request.native_id is not None  # a repeat would store the question twice
        reader = conversations.ConversationReader(request)
        async with aclosing(stream_reply(self.http, path, body, request, reader, once=is_added)) as events:
            async for event in events:
                if isinstance(event, ReplyInfo) and event.native_id:
                    self._remember(event.native_id, fixed)
                yield event

    async def _fits(self, request: ProviderRequest, fixed: Mapping[str, Any]) -> bool:
        """Return whether a conversation can be gone on with: what it was begun with is still wanted."""
        native_id = request.native_id or ""
        known = self._begun_with.get(native_id)
        if known is not None:
            return known == _as_text(fixed)
        if any(message.role is MessageRole.SYSTEM for message in request.messages[request.new_from :]):
            return False
        once = replace(request, stream=False, retries=0, idempotency_key=None)
        try:
            held, _ = await self.http.request_json("GET", _path(native_id), request=once)
        except ProviderSessionError as error:
            _log.debug("What conversation %s began with is not known: %s", one_line(native_id, 100), error)
            return True
        return isinstance(held, dict) and _is_begun_with(held, fixed)

    def _remember(self, native_id: str, fixed: Mapping[str, Any]) -> None:
        self._begun_with.pop(native_id, None)
        self._begun_with[native_id] = _as_text(fixed)
        if len(self._begun_with) > _MOST_KNOWN:
            del self._begun_with[next(iter(self._begun_with))]


_RESERVED = ("model", "messages", "stream")


def _path(native_id: str) -> str:
    return f"/v1/conversations/{segment(native_id)}"


def _is_begun_with(held: Mapping[str, Any], fixed: Mapping[str, Any]) -> bool:
    """Return whether a conversation is as wanted, as far as Mistral says; a "-latest" stands for its newest."""
    asked, model = str(fixed.get("model", "")), str(held.get("model") or "")
    is_newest = asked.endswith("-latest") and model.startswith(asked.removesuffix("latest"))
    same_text = "instructions" not in held or (held["instructions"] or "") == fixed.get("instructions", "")
    return same_text and (not model or model == asked or is_newest)


def _as_text(fixed: Mapping[str, Any]) -> str:
    return json.dumps(fixed, sort_keys=True, default=str)
