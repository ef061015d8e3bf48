"""Google's Gemini: generateContent for sessions that we hold, Interactions for those that Google holds."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session.provider_events import ModelInfo
from langswarm_nb.core.session.providers._dialect.http_session import HttpProviderSession
from langswarm_nb.core.session.providers._dialect.native_reply import delete_at, native_reply
from langswarm_nb.core.session.providers._dialect.reply_stream import stream_reply
from langswarm_nb.core.session.providers._dialect.wire import check_options, models_of, token_count
from langswarm_nb.core.session.providers._http.address import segment
from langswarm_nb.core.session.text import as_text

from . import generate, interactions
from .faults import read_google_fault
from .interaction_reader import InteractionReader
from .schema_asking import FORMATS, INTERACTION_FORMATS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langswarm_nb.core.session.closing import EventStream
    from langswarm_nb.core.session.provider_events import (
        Decision,
        DecisionRequest,
        ProviderEvent,
        ProviderRequest,
    )

__all__ = ["GeminiProviderSession"]


class GeminiProviderSession(HttpProviderSession):
    """Gemini models, through Google's API for developers.

    Parameters
    ----------
    api_key
        None takes it from ``GOOGLE_API_KEY``, else ``GEMINI_API_KEY``.
    base_url
        Address with or without a version; None takes ``GOOGLE_GEMINI_BASE_URL``, else Google's. Without a version
        it is ``v1beta``.
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
    """

    name = "gemini"
    supports_native = True
    _read_fault = staticmethod(read_google_fault)

    @property
    def _version(self) -> str:
        """What stands before the paths: nothing where the address ends with a version."""
        return "" if re.search(r"/v[0-9]+[a-z0-9]*$", self.http.address.url) else "/v1beta"

    def _begin(self, request: ProviderRequest) -> EventStream[ProviderEvent]:
        if request.native:
            check_options(self.name, request, (), interactions.RESERVED, INTERACTION_FORMATS)
            return native_reply(self.name, request, self._interact, is_lost=interactions.is_lost)
        check_options(self.name, request, (), generate.RESERVED, FORMATS)
        how: dict[str, Any] = {"query": {"alt": "sse"}} if request.stream else {}
        method = "streamGenerateContent" if request.stream else "generateContent"
        path = f"{self._version}/{_model_path(request.model)}:{method}"
        reader = generate.GenerateReader(request)
        return stream_reply(self.http, path, generate.wire_body(request), request, reader, **how)

    def _interact(self, request: ProviderRequest) -> EventStream[ProviderEvent]:
        reader = InteractionReader(request)
        body = interactions.wire_body(request)
        return stream_reply(self.http, f"{self._version}/interactions", body, request, reader)

    async def decide(self, request: DecisionRequest) -> Decision:
        """Answer questions about messages, with probabilities."""
        from . import decisions  # few ask for it

        return await decisions.decide(self.http, f"{self._version}/decisions", request)

    async def list_models(self) -> list[ModelInfo]:
        """Return the models that the service offers, including those that do not chat."""
        path = f"{self._version}/models"
        return await self._list_pages(path, _read_page, {"pageSize": "1000"}, "pageToken")

    async def delete_conversation(self, native_id: str) -> bool:
        """Delete one interaction; those before it have ids of their own."""
        return await delete_at(self.http, f"{self._version}/interactions/{segment(native_id)}")


def _model_path(model: str) -> str:
    kind, found, name = model.partition("/")
    return f"{segment(kind)}/{segment(name)}" if found else f"models/{segment(model)}"


def _read_page(body: Any) -> tuple[list[ModelInfo], str]:
    return models_of(body.get("models"), _read_model), str(body.get("nextPageToken") or "")


def _read_model(model: Mapping[str, Any]) -> ModelInfo:
    return ModelInfo(
        str(model["name"]).removeprefix("models/"),
        name=as_text(model.get("displayName")),
        context_tokens=token_count(model.get("inputTokenLimit")),
        max_output_tokens=token_count(model.get("outputTokenLimit")),
        owned_by="google",
    )
