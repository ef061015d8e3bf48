"""Google's Gemini: generateContent for sessions that we hold, Interactions for those that Google holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session.events import ModelInfo
from langswarm_nb.core.session.interfaces import IProviderSession
from langswarm_nb.core.session.providers._address import find_base_url, segment
from langswarm_nb.core.session.providers._client import new_client, version_of
from langswarm_nb.core.session.providers._native import NativeReply, delete_at
from langswarm_nb.core.session.providers._reply import stream_reply
from langswarm_nb.core.session.providers._wire import check_options, token_count
from langswarm_nb.core.session.secret import Secret

from . import generate, interactions
from .faults import read_google_fault

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping

    from langswarm_nb.core.session.events import ProviderEvent, ProviderRequest

__all__ = ["GeminiProviderSession"]

_MOST_PAGES = 50


class GeminiProviderSession(IProviderSession):
    """Gemini models, by Google's API for developers.

    Parameters
    ----------
    api_key
        None takes it from ``GOOGLE_API_KEY``, else ``GEMINI_API_KEY``.
    base_url
        Address with or without a version; None takes ``GOOGLE_GEMINI_BASE_URL``, else Google's. Without a version
        it is ``v1beta``.
    headers
        More headers for each request.
    connect_timeout_s, silence_s
        Longest time to connect, and without a byte of the answer, in seconds.

    Raises
    ------
    ProviderAuthenticationError
        There is no key, or its form is wrong.
    SessionValueError
        ``base_url`` is not allowed.
    """

    name = "gemini"
    supports_native = True

    def __init__(
        self,
        api_key: str | Secret | None = None,
        *,
        base_url: str | None = None,
        headers: Mapping[str, str] | None = None,
        connect_timeout_s: float = 5.0,
        silence_s: float = 600.0,
    ) -> None:
        api_key = None if api_key is None else Secret.of(api_key)
        address = find_base_url(
            self.name, base_url, ("GOOGLE_GEMINI_BASE_URL",), "https://generativelanguage.googleapis.com"
        )
        self._version = "" if version_of(address) else "/v1beta"
        self.http = new_client(
            self.name,
            api_key,
            address,
            key_variables=("GOOGLE_API_KEY", "GEMINI_API_KEY"),
            key_header=("x-goog-api-key", ""),
            headers=headers,
            read_fault=read_google_fault,
            connect_timeout_s=connect_timeout_s,
            silence_s=silence_s,
        )

    def stream(self, request: ProviderRequest) -> AsyncIterator[ProviderEvent]:
        """Send a request and yield the reply as it arrives."""
        if request.native:
            check_options(self.name, request, (), interactions.RESERVED)
            return NativeReply(self.name, request, self._interact, is_lost=interactions.is_lost)
        check_options(self.name, request, (), generate.RESERVED)
        how: dict[str, Any] = {"query": {"alt": "sse"}} if request.stream else {}
        method = "streamGenerateContent" if request.stream else "generateContent"
        path = f"{self._version}/{_model_path(request.model)}:{method}"
        reader = generate.GenerateReader(request)
        return stream_reply(self.http, path, generate.wire_body(request), request, reader, **how)

    def _interact(self, request: ProviderRequest) -> AsyncGenerator[ProviderEvent, None]:
        reader = interactions.InteractionReader(request)
        body = interactions.wire_body(request)
        return stream_reply(self.http, f"{self._version}/interactions", body, request, reader)

    async def list_models(self) -> list[ModelInfo]:
        """Return the models on offer, those that do not chat among them."""
        models: list[ModelInfo] = []
        query = {"pageSize": "1000"}
        for _ in range(_MOST_PAGES):
            page, following = await self.http.get_json(f"{self._version}/models", _read_page, query=query)
            models += page
            if not following:
                break
            query["pageToken"] = following
        return models

    async def delete_conversation(self, native_id: str) -> bool:
        """Delete one interaction; those before it have ids of their own."""
        return await delete_at(self.http, f"{self._version}/interactions/{segment(native_id)}")

    async def close(self) -> None:
        """Free connections; may be called twice."""
        await self.http.aclose()


def _model_path(model: str) -> str:
    kind, found, name = model.partition("/")
    return f"{segment(kind)}/{segment(name)}" if found else f"models/{segment(model)}"


def _read_page(body: Any) -> tuple[list[ModelInfo], str]:
    models = [
        ModelInfo(
            str(model["name"]).removeprefix("models/"),
            name=model.get("displayName"),
            context_tokens=token_count(model.get("inputTokenLimit")),
            max_output_tokens=token_count(model.get("outputTokenLimit")),
            owned_by="google",
        )
        for model in body.get("models") or ()
    ]
    return models, str(body.get("nextPageToken") or "")
