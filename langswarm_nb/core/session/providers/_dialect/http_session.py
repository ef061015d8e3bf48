"""Providers that have an address and a key of their own: `HttpProviderSession`, and the client that it makes."""

from __future__ import annotations

import asyncio
import os
import re
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session.closing import EventStream
from langswarm_nb.core.session.conversation.beside_the_loop import LONG
from langswarm_nb.core.session.errors import SessionValueError, next_step
from langswarm_nb.core.session.interfaces import IProviderSession
from langswarm_nb.core.session.provider_events import ProviderRequest
from langswarm_nb.core.session.providers._http.address import find_base_url
from langswarm_nb.core.session.providers._http.client import HttpClient
from langswarm_nb.core.session.providers._http.fault_bodies import read_fault
from langswarm_nb.core.session.providers._http.faults import Fault
from langswarm_nb.core.session.providers.catalogue import PROVIDERS, Provider
from langswarm_nb.core.session.providers.intakes import intake_of
from langswarm_nb.core.session.secret import Secret, find_key, split_headers
from langswarm_nb.core.session.text import unquoted

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence

    from httpx import AsyncBaseTransport

    from langswarm_nb.core.session.provider_events import Intake, ModelInfo, ProviderEvent
    from langswarm_nb.core.session.providers._http.address import Address

_MOST_PAGES = 50
_SHORT_S = 5.0
HTTP_VARIABLE = "LANGSWARM_ALLOW_HTTP"
"""Environment variable that allows, as ``1``, what ``allow_http`` allows."""


class HttpProviderSession(IProviderSession):
    """A provider session over HTTP; a subclass sets its `name`, a row of the catalogue, and how to `_begin`."""

    http: HttpClient
    _read_fault: Callable[[Any], Fault] = staticmethod(read_fault)

    def __init__(
        self,
        api_key: str | Secret | None = None,
        *,
        base_url: str | None = None,
        headers: Mapping[str, str] | None = None,
        allow_http: bool | None = None,
        connect_timeout_s: float = 5.0,
        silence_s: float = 600.0,
        transport: AsyncBaseTransport | None = None,
    ) -> None:
        api_key = None if api_key is None else Secret.of(api_key)
        address, provider = self._find_address(base_url), PROVIDERS[self.name]
        if api_key is None:
            provider = _with_token(provider)
        if address.is_local:
            provider = replace(provider, **provider.on_this_machine)
        self.http = new_client(
            self.name,
            api_key,
            address._replace(url=re.sub(f"(?:{provider.ending})$", "", address.url)),
            key_variables=provider.key_variables,
            needs_key=provider.needs_key,
            key_header=provider.key_header,
            headers=headers,
            read_fault=self._read_fault,
            allow_http=allow_http,
            connect_timeout_s=connect_timeout_s,
            silence_s=silence_s,
            transport=transport,
        )

    def stream(self, request: ProviderRequest) -> AsyncIterator[ProviderEvent]:
        """Send a request and yield the reply as it arrives."""
        if len(request.messages) <= LONG:
            return self._begin(request)
        return EventStream(self._begun_beside_the_loop(request))

    def _begin(self, request: ProviderRequest) -> EventStream[ProviderEvent]:
        """Return the events of a reply; its request is written now, without an event loop, and sent with the first."""
        raise NotImplementedError

    async def _begun_beside_the_loop(self, request: ProviderRequest) -> AsyncGenerator[ProviderEvent, None]:
        async with aclosing(await asyncio.to_thread(self._begin, request)) as events:
            async for event in events:
                yield event

    async def intake(self, model: str, *, native: bool = False) -> Intake:
        """Return what a model takes, as far as it is known."""
        return intake_of(self.name, model, native=native)

    async def close(self) -> None:
        """Free connections; may be called twice."""
        await self.http.aclose()

    def _find_address(self, base_url: str | None) -> Address:
        provider = PROVIDERS[self.name]
        return find_base_url(self.name, base_url, provider.url_variables, provider.base_url)

    async def _list_pages(
        self,
        path: str,
        read_page: Callable[[Any], tuple[list[ModelInfo], str | None]],
        query: Mapping[str, str],
        mark_name: str,
        **how: Any,
    ) -> list[ModelInfo]:
        """Return the models of all pages; ``read_page`` returns those of one, and the mark of the next if there is one.

        ``mark_name`` is the mark's name in the query; parameters and errors else as in `HttpClient.open`.
        """
        models: list[ModelInfo] = []
        for _ in range(_MOST_PAGES):
            page, mark = await self.http.get_json(path, read_page, query=query, **how)
            models += page
            if not mark:
                break
            query = {**query, mark_name: mark}
        return models


def short_request() -> ProviderRequest:
    """Return a request for what is good to know and nobody waits long for."""
    return ProviderRequest("", (), timeout_s=_SHORT_S, retries=0)


def _with_token(provider: Provider) -> Provider:
    """Return how a provider is spoken to when the environment holds a token for it and no key."""
    token = provider.token_variable
    if token is None or provider.key_variable(os.environ) != token:
        return provider
    return replace(provider, key_variables=(token,), key_header=("Authorization", "Bearer "))


def _allows_http(given: bool | None) -> bool:
    told = unquoted(os.environ.get(HTTP_VARIABLE, "")).lower()
    return told in {"1", "true", "yes"} if given is None else given


def new_client(
    provider: str,
    api_key: str | Secret | None,
    address: Address,
    *,
    key_variables: Sequence[str],
    needs_key: bool = True,
    key_header: tuple[str, str] = ("Authorization", "Bearer "),
    headers: Mapping[str, str] | None = None,
    read_fault: Callable[[Any], Fault] = read_fault,
    allow_http: bool | None = None,
    connect_timeout_s: float = 5.0,
    silence_s: float = 600.0,
    transport: AsyncBaseTransport | None = None,
) -> HttpClient:
    """Return a client for an address, with the key given, else the environment's.

    Parameters
    ----------
    key_header
        The header that holds the key, and what stands before the key in it.
    allow_http
        Whether a key may go over plain http to a private network; None: as the variable `HTTP_VARIABLE` says.
    transport
        As for `HttpClient`.

    Raises
    ------
    ProviderAuthenticationError
        There is no key although one is needed, or its form is wrong.
    SessionValueError, SessionTypeError
        A header is not allowed, or the key would go over plain http.
    """
    api_key = None if api_key is None else Secret.of(api_key)
    key, source = find_key(provider, api_key, key_variables, required=needs_key)
    plain, private = split_headers(headers or {})
    if key is not None:
        private[key_header[0]] = (key_header[1], key)
    if private and not address.is_safe and not _allows_http(allow_http):
        step = next_step("allow_http", variable=HTTP_VARIABLE)
        error = SessionValueError(
            f"base_url={address.origin!r} is plain http: the key for {provider} ({source if key else 'headers'}) could "
            f"be read on the way. {step.text}"
        )
        error.next_step = step
        raise error
    return HttpClient(
        provider,
        address,
        headers=plain,
        secret_headers=private,
        key_source=source,
        read_fault=read_fault,
        connect_timeout_s=connect_timeout_s,
        silence_s=silence_s,
        transport=transport,
    )
