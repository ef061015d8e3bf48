"""The way to a service, as people have it: addresses, proxies, certificates and keys in their variables."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from importlib.util import find_spec
from pathlib import Path

import pytest

from langswarm_nb.core.session import errors
from langswarm_nb.core.session.providers import create_provider
from langswarm_nb.core.session.providers._http import carrier
from langswarm_nb.core.session.providers.catalogue import PROVIDERS
from tests.contract.provider_cases import CANARY, TEXT, Dialect, ask, fails, impatient, read
from tests.contract.provider_dialects import DIALECTS
from tests.support.certificates import Authority, make_authority
from tests.support.faulty import FaultyServer, Reply

pytestmark = pytest.mark.usefixtures("library")

OF_DIALECTS = {
    "openai": "responses",
    "anthropic": "messages",
    "gemini": "gemini",
    "mistral": "mistral",
    "cohere": "cohere",
    "ollama": "ollama",
}
"""Provider -> the dialect that it speaks; all others speak Chat Completions."""
ONLINE = sorted(name for name, row in PROVIDERS.items() if not row.is_offline)


def dialect_of(provider: str) -> Dialect:
    return DIALECTS[OF_DIALECTS.get(provider, "chat")]


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


# Addresses


@pytest.mark.parametrize("name", ONLINE)
async def test_the_place_where_servers_listen_is_this_machine(name: str, server: FaultyServer) -> None:
    """What a server's log names, ``0.0.0.0``, is connected to here."""
    server.script(Reply.events(dialect_of(name).stream))
    url = server.url.replace("127.0.0.1", "0.0.0.0")  # noqa: S104
    provider = create_provider(name, CANARY, base_url=url)
    assert (await read(provider.stream(ask()))).text == TEXT
    await provider.close()


@pytest.mark.parametrize(
    "name, ending, path",
    [
        ("openai-compatible", "/v1/chat/completions", "/v1/chat/completions"),
        ("vllm", "/v1/models", "/v1/chat/completions"),
        ("litellm", "/chat/completions/", "/chat/completions"),
        ("openai-chat", "/v1/responses", "/v1/chat/completions"),
        ("openai", "/v1/responses", "/v1/responses"),
        ("openai", "/v1/chat/completions", "/v1/responses"),
        ("anthropic", "/v1/messages", "/v1/messages"),
        ("mistral", "/v1/chat/completions", "/v1/chat/completions"),
        ("cohere", "/v2/chat", "/v2/chat"),
        ("gemini", "/v1beta", "/v1beta/models/test-model:streamGenerateContent?alt=sse"),
        ("gemini", "/v1beta/models", "/v1beta/models/test-model:streamGenerateContent?alt=sse"),
        ("gemini", "/v1/models/m:generateContent", "/v1/models/test-model:streamGenerateContent?alt=sse"),
        ("ollama", "/api/chat", "/api/chat"),
        ("ollama", "/v1/chat/completions", "/api/chat"),
    ],
)
async def test_the_path_of_a_request_is_not_doubled(
    name: str, ending: str, path: str, server: FaultyServer
) -> None:
    """Addresses are copied from examples of requests."""
    server.script(Reply.events(dialect_of(name).stream))
    provider = create_provider(name, CANARY, base_url=server.url + ending)
    await read(provider.stream(ask()))
    assert server.requests[0].path == path
    await provider.close()


@pytest.mark.parametrize("by_variable", [True, False])
@pytest.mark.parametrize(
    "target, path",
    [
        (
            "/openai/deployments/mine/chat/completions?api-version=2024-10-21",
            "/openai/deployments/test-model/chat/completions?api-version=2024-10-21",
        ),
        ("/openai/v1/chat/completions", "/openai/v1/chat/completions"),
        (
            "/openai/responses?api-version=2025-04-01-preview",
            "/openai/deployments/test-model/chat/completions?api-version=2025-04-01-preview",
        ),
        ("/openai/v1", "/openai/v1/chat/completions"),
        ("", "/openai/v1/chat/completions"),
    ],
)
async def test_what_azures_portal_shows_is_an_address(
    target: str, path: str, by_variable: bool, server: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The deployment in it gives way to the model that is asked, the version is kept."""
    monkeypatch.delenv("OPENAI_API_VERSION", raising=False)
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", f"{server.url}{target}")
    server.script(Reply.events(DIALECTS["chat"].stream))
    given = {} if by_variable else {"base_url": f"{server.url}{target}"}
    provider = create_provider("azure", CANARY, **given)
    await read(provider.stream(ask()))
    assert server.requests[0].path == path
    await provider.close()


@pytest.mark.parametrize("name", ONLINE)
def test_a_key_goes_over_plain_http_only_when_allowed(
    name: str, monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    """A model server of the office is reached in plain http; the error for a key names the way to allow it."""
    monkeypatch.delenv("LANGSWARM_ALLOW_HTTP", raising=False)
    url = "http://10.1.2.3:8000"
    with pytest.raises(errors.SessionValueError, match="allow_http") as caught:
        create_provider(name, CANARY, base_url=url)
    assert CANARY not in str(caught.value)
    create_provider(name, CANARY, base_url=url, allow_http=True)
    monkeypatch.setenv("LANGSWARM_ALLOW_HTTP", "1")
    create_provider(name, CANARY, base_url=url)
    with pytest.raises(errors.SessionValueError, match="allow_http"):
        create_provider(name, CANARY, base_url=url, allow_http=False)
    with pytest.raises(errors.SessionValueError, match="base_url"):  # an address of the world never
        create_provider(name, CANARY, base_url="http://93.184.216.34", allow_http=True)


@pytest.mark.parametrize("name", [name for name in ONLINE if not PROVIDERS[name].needs_key])
def test_a_server_that_needs_no_key_is_reached_in_plain_http(
    name: str, monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    """No key, nothing to allow; a key in another header is one too."""
    for variable in PROVIDERS[name].key_variables:
        monkeypatch.delenv(variable, raising=False)
    create_provider(name, base_url="http://gpu-box:8000/v1")
    with pytest.raises(errors.SessionValueError, match="headers"):
        create_provider(name, base_url="http://gpu-box:8000/v1", headers={"X-Api-Key": CANARY})


# Keys


@pytest.mark.parametrize("quote", ['"', "'", "`", ' "'])
@pytest.mark.parametrize("name", [name for name in ONLINE if PROVIDERS[name].key_variables])
async def test_quotes_around_a_key_are_no_part_of_it(
    name: str, quote: str, server: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some files of variables keep the quotes; they are never sent."""
    row = PROVIDERS[name]
    monkeypatch.setenv(row.key_variables[0], f"{quote}{CANARY}{quote[::-1]}")
    server.script(Reply.events(dialect_of(name).stream))
    given = {} if name != "ollama" else {"api_key": f"{quote}{CANARY}{quote[::-1]}"}
    provider = create_provider(name, base_url=server.url, **given)
    await read(provider.stream(ask()))
    header, before = row.key_header
    assert server.requests[0].headers[header.lower()] == before + CANARY
    await provider.close()


# Proxies


@pytest.mark.parametrize("variable", ["ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy"])
@pytest.mark.parametrize("scheme", ["socks", "ftp", "quic"])
async def test_a_proxy_of_a_kind_that_cannot_be_used_is_named(
    dialect: Dialect, variable: str, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the variable and the kinds that work, not the proxy's password; nothing is sent."""
    monkeypatch.setenv(variable, f"{scheme}://me:pa55word@127.0.0.1:9")
    provider = impatient(dialect, "https://nobody.invalid")
    error = await fails(provider, errors.ProviderConnectionError)
    assert variable in str(error)
    assert "socks5://" in str(error)
    assert f"{scheme}://127.0.0.1:9" in str(error)
    assert "pa55word" not in str(error)
    assert provider.waits == []
    await provider.close()


async def test_a_socks_proxy_without_its_package_is_named(
    dialect: Dialect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the variable and what to install."""
    if find_spec("socksio") is not None:
        pytest.skip("socksio is installed")
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    provider = impatient(dialect, "https://nobody.invalid")
    error = await fails(provider, errors.ProviderConnectionError)
    assert "ALL_PROXY" in str(error)
    assert "pip install socksio" in str(error)
    await provider.close()


async def test_a_proxy_that_refuses_or_is_not_there_is_named(
    dialect: Dialect, server: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error tells that the way led through it, which variable names it, and what it said."""
    server.script(Reply(407, b"who are you"))
    async with FaultyServer() as gone:
        pass
    for url, told in ((server.url, "407"), (gone.url, "refused")):
        monkeypatch.setenv("HTTPS_PROXY", url)
        provider = impatient(dialect, "https://nobody.invalid")
        error = await fails(provider, errors.ProviderConnectionError, ask(retries=0))
        assert f"{url} (HTTPS_PROXY)" in str(error)
        assert told in str(error)
        assert "NO_PROXY" in str(error)
        await provider.close()


# Certificates


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return make_authority(tmp_path)


async def test_certificates_are_those_that_the_environment_names_now(
    dialect: Dialect, authority: Authority, good: Reply, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable set after a failure counts for the next send of the same session, and its loss too."""
    async with FaultyServer(tls=authority.context) as server:
        server.script(good)
        provider = impatient(dialect, server.url)
        for step in range(2):
            error = await fails(provider, errors.ProviderConnectionError)
            assert "certificate" in str(error)
            assert "SSL_CERT_FILE" in str(error)
            assert "truststore" in str(error)
            assert (provider.waits, len(server.requests)) == ([], step)  # trying again does not help
            monkeypatch.setenv("SSL_CERT_FILE", f'"{authority.file}"')
            assert (await read(provider.stream(ask()))).text == TEXT
            monkeypatch.delenv("SSL_CERT_FILE")
        await provider.close()


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
async def test_certificates_that_cannot_be_read_are_named(
    dialect: Dialect, variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the variable and what it holds; no server is blamed, nothing is tried again."""
    broken = tmp_path / "broken.pem"
    broken.write_text("no certificate")
    for named in [tmp_path / "does-not-exist", *([broken] if variable == "SSL_CERT_FILE" else [])]:
        monkeypatch.setenv(variable, str(named))
        provider = impatient(dialect, "https://nobody.invalid")
        error = await fails(provider, errors.ProviderConnectionError)
        assert variable in str(error)
        assert named.name in str(error)
        assert f"unset {variable}" in str(error)
        assert provider.waits == []
        await provider.close()


def test_the_certificates_of_the_system_count_where_they_can_be_read(library: str) -> None:
    """With truststore, a company's authority that the system trusts is trusted here too."""
    truststore = pytest.importorskip("truststore")
    context = carrier.tls_context()
    assert isinstance(context, truststore.SSLContext)
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


# Ports


async def answer_anything(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: bytes) -> None:
    await reader.read(2**16)
    writer.write(answer)
    with contextlib.suppress(OSError):
        await writer.drain()
    writer.close()


@pytest.mark.parametrize(
    "scheme, answer, other",
    [
        ("https", b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", "http://"),
        ("http", b"\x15\x03\x01\x00\x02\x02\x46", "https://"),
        ("http", b"\x15\x03\x03\x00\x02\x02\x0a", "https://"),
    ],
)
async def test_a_port_of_the_other_scheme_is_told(
    dialect: Dialect, scheme: str, answer: bytes, other: str
) -> None:
    """Https to a port that speaks http, and the other way round: the step names the scheme; no second attempt."""
    server = await asyncio.start_server(
        lambda reader, writer: answer_anything(reader, writer, answer), "127.0.0.1", 0
    )
    port = server.sockets[0].getsockname()[1]
    provider = impatient(dialect, f"{scheme}://127.0.0.1:{port}")
    error = await fails(provider, errors.ProviderConnectionError)
    assert f"write {other}" in str(error)
    assert provider.waits == []
    await provider.close()
    server.close()
    await server.wait_closed()
