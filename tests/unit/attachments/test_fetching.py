"""What is fetched from an address, and what keeps it from leading into a network of somebody's own."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from ipaddress import ip_address
from urllib.parse import urlsplit

import pytest

from langswarm_nb.core.session import AttachmentError
from langswarm_nb.core.session.attachments.addresses import checked_address
from langswarm_nb.core.session.attachments.fetching import fetched
from langswarm_nb.core.session.parts.blobs import bytes_of
from langswarm_nb.core.session.providers._http.network import Network
from langswarm_nb.core.session.providers.download import IpAddress, Way
from langswarm_nb.core.session.providers.public_addresses import is_public
from tests.support.certificates import Authority, make_authority
from tests.support.pictures import exif, jpeg, png
from tests.support.waits import PATIENCE_S

HERE = ip_address("127.0.0.1")
Serve = Callable[[str, asyncio.StreamWriter], Awaitable[None]]


class Server:
    """A server on this machine that speaks TLS, and the way to it past the guard, which guards all else."""

    def __init__(self) -> None:
        self.port = 0
        self.asked: list[str] = []
        """Heads of the requests."""
        self.hosts: dict[str, list[str]] = {"localhost": ["127.0.0.1"]}
        self.looked_up: list[str] = []

    def url(self, path: str = "/a.png") -> str:
        return f"https://localhost:{self.port}{path}"

    @property
    def way(self) -> Way:
        return Way(
            self._check, 1000, PATIENCE_S, PATIENCE_S, self._resolve, lambda ip: ip == HERE or is_public(ip)
        )

    def _check(self, url: str) -> str:
        return url if url.startswith(f"https://localhost:{self.port}/") else checked_address(url)

    async def _resolve(self, host: str, _port: int) -> Sequence[IpAddress]:
        self.looked_up.append(host)
        if host not in self.hosts:
            raise OSError(host)
        return [ip_address(machine) for machine in self.hosts[host]]


@pytest.fixture
def authority(tmp_path, monkeypatch) -> Authority:
    """Return an authority that is trusted."""
    for name in ("SSL_CERT_DIR", "ALL_PROXY", "HTTPS_PROXY", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    made = make_authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.file))
    return made


@asynccontextmanager
async def serving(authority: Authority, serve: Serve) -> AsyncIterator[Server]:
    """Yield a server whose answers are written by a function."""
    server = Server()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            server.asked.append(head)
            await serve(head.split()[1], writer)
            await writer.drain()
        writer.close()

    listening = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=authority.context)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()


def says(body: bytes, *headers: str, status: str = "200 OK", length: int | None = None) -> Serve:
    """Return what answers with a body."""
    size = len(body) if length is None else length

    async def serve(_path: str, writer: asyncio.StreamWriter) -> None:
        head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {size}", *headers, "", ""])
        writer.write(head.encode() + body)

    return serve


async def test_what_is_fetched_is_looked_at_as_a_file_is(authority):
    """Its bytes tell what it is, whatever the server says; the address is gone, and no key or cookie went there."""
    photo = jpeg(4, 3, exif("<", has_place=True))
    async with serving(authority, says(photo, "Content-Type: image/png", "Set-Cookie: a=b")) as server:
        part = await fetched({"type": "image", "url": server.url("/dir/b.png"), "detail": "low"}, server.way)
    assert (part["media_type"], part["name"], part["detail"]) == ("image/jpeg", "b.png", "low")
    assert part["note"] == "fetched, location removed"
    assert "url" not in part
    assert b"PLACE" not in bytes_of(part["data"])
    [asked] = server.asked
    names = {line.partition(":")[0].lower() for line in asked.splitlines()[1:] if line}
    assert names == {"host", "user-agent", "accept", "accept-encoding"}
    assert server.looked_up == ["localhost"]  # once: what was looked at is what it was connected to


async def test_redirects_are_followed_by_the_same_rules(authority):
    """Each is checked and looked up anew; the name comes from where it ends."""

    async def serve(path: str, writer: asyncio.StreamWriter) -> None:
        n = int(path.rpartition("/")[2] or 0) if path.rpartition("/")[2].isdigit() else 9
        if n < 5:
            await says(
                b"", f"Location: /{n + 1 if n < 4 else 'end.png'}", "Set-Cookie: a=b", status="302 Found"
            )(path, writer)
        else:
            await says(png())(path, writer)

    async with serving(authority, serve) as server:
        part = await fetched({"type": "image", "url": server.url("/0")}, server.way)
        assert part["name"] == "end.png"
        assert server.looked_up == ["localhost"] * 6
        assert not any("cookie" in head.lower() for head in server.asked)


PRIVATE = [
    "0.0.0.0",  # noqa: S104 - refused
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.2",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.8",
    "192.0.2.1",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fc00::1",
    "fe80::1",
    "ff02::1",
    "fe80::1%eth0",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::10.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::1",
    "2001::1",
    "2001:db8::1",
    "2002:a00:1::1",
    "3fff::1",
    "fec0::1",
]
PUBLIC = [
    "8.8.8.8",
    "93.184.216.34",
    "100.128.0.1",
    "172.32.0.1",
    "2606:4700::1111",
    "2a00:1450::1",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
]


@pytest.mark.parametrize("machine", [*PRIVATE, *PUBLIC])
def test_which_machines_are_public(machine):
    """None of somebody's own network, of this machine, or of no use, in whatever form."""
    assert is_public(ip_address(machine)) == (machine in PUBLIC)


@pytest.mark.parametrize("hop", ["at once", "after a redirect"])
@pytest.mark.parametrize("machines", [["10.0.0.1"], ["8.8.8.8", "::1"], ["169.254.169.254"], []])
async def test_a_name_that_means_a_private_machine_is_refused(authority, machines, hop):
    """Also where it means a public one as well; nothing is connected to."""
    url = "https://inside.example/secret"
    async with serving(authority, says(b"", f"Location: {url}", status="302 Found")) as server:
        server.hosts["inside.example"] = machines
        with pytest.raises(AttachmentError, match="leads to this machine or a private network"):
            await fetched({"type": "image", "url": url if hop == "at once" else server.url()}, server.way)
        assert len(server.asked) == (hop != "at once")


@pytest.mark.parametrize(
    "where, words",
    [
        ("http://example.com/a.png", "must begin with https://"),
        ("https://127.0.0.1/a.png", "not a public address"),
        ("https://u:secret@example.com/a.png", "a user name or a password"),
        ("ftp://example.com/a", "must begin with https://"),
        ("file:///etc/passwd", "must begin with https://"),
        ("//[::1]/a", "not a public address"),
    ],
)
async def test_a_redirect_leads_nowhere_that_could_not_be_attached(authority, where, words):
    """What is no address to begin with is none on the way."""
    async with serving(authority, says(b"", f"Location: {where}", status="301 Moved")) as server:
        with pytest.raises(AttachmentError, match=words) as told:
            await fetched({"type": "image", "url": server.url()}, server.way)
    assert "secret" not in str(told.value)


async def _endless(_path: str, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    for _ in itertools.count():
        writer.write(b"x" * 100)
        await writer.drain()


async def _hangs_up(_path: str, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nabc")


BAD: dict[str, tuple[Serve, str]] = {
    "redirects for ever": (says(b"", "Location: /a", status="302 Found"), "redirects more than 5 times"),
    "an error": (says(b"no", status="404 Not Found"), "answered 404"),
    "nothing": (says(b""), "holds nothing"),
    "a page": (says(b"<p>Log in", "Content-Type: text/html; charset=utf-8"), "is a web page, not a file"),
    "a page that says image": (says(b"<!doctype html><p>", "Content-Type: image/png"), "is a web page"),
    "too large": (says(b"x" * 1001), "is larger than the 1.0 kB"),
    "says it is too large": (says(png(), length=10**9), "is larger than"),
    "endless": (_endless, "is larger than"),
    "cut": (_hangs_up, "cannot be fetched"),
    "packed": (says(b"x", "Content-Encoding: gzip"), "packed in a way that was not asked for"),
    "a broken picture": (says(png()[:-5]), "is a broken PNG"),
    "binary": (says(bytes(range(256))), "of a type that no model accepts"),
}


@pytest.mark.parametrize("case", BAD)
async def test_what_cannot_be_fetched_is_refused_in_one_line(authority, case):
    """The line names the address, without what may be secret in it."""
    serve, words = BAD[case]
    async with serving(authority, serve) as server:
        with pytest.raises(AttachmentError) as told:
            await fetched({"type": "image", "url": server.url("/a.png?token=s3cret")}, server.way)
    assert words in str(told.value)
    assert "a.png" in str(told.value)
    assert "\n" not in str(told.value)
    assert "s3cret" not in str(told.value)


@pytest.mark.parametrize(
    "seconds, silence_s, words",
    [(PATIENCE_S, 0.2, "sent nothing for"), (0.2, PATIENCE_S, "was not there after")],
)
async def test_a_slow_download_ends(authority, seconds, silence_s, words):
    """Whether it says nothing, or a byte now and then."""

    async def drips(_path: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in itertools.count():
            if seconds < silence_s:
                writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with serving(authority, drips) as server:
        way = replace(server.way, seconds=seconds, silence_s=silence_s)
        with pytest.raises(AttachmentError, match=words):
            await fetched({"type": "image", "url": server.url()}, way)


async def test_a_download_can_be_cancelled(authority):
    """Whoever waits for it stops it as any other wait."""
    begun = asyncio.Event()

    async def hangs(_path: str, _writer: asyncio.StreamWriter) -> None:
        begun.set()
        await asyncio.Event().wait()

    async with serving(authority, hangs) as server:
        task = asyncio.create_task(fetched({"type": "image", "url": server.url()}, server.way))
        async with asyncio.timeout(PATIENCE_S):
            await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_host_that_is_not_known_is_refused(authority):
    """With its name."""
    server = Server()
    with pytest.raises(
        AttachmentError, match=r"'https://nowhere.example/a.png' cannot be fetched: no such host is known"
    ):
        await fetched({"type": "image", "url": "https://nowhere.example/a.png"}, server.way)


async def test_a_certificate_that_nobody_knows_is_refused(authority, monkeypatch):
    """An address is of the machine that it names."""
    async with serving(authority, says(png())) as server:
        monkeypatch.delenv("SSL_CERT_FILE")
        with pytest.raises(AttachmentError, match="certificate was not accepted"):
            await fetched({"type": "image", "url": server.url()}, server.way)


async def test_a_connection_is_made_to_the_machine_that_was_looked_at(authority):
    """Not to what the name means a moment later; where one does not answer, the next is tried."""
    async with serving(authority, says(png())) as server:
        network = Network(["127.0.0.1"])
        connection = await network.connect_tcp("elsewhere.invalid", server.port, timeout=PATIENCE_S)
        assert connection.get_extra_info("server_addr") == ("127.0.0.1", server.port)
        await connection.aclose()
        second = await Network(["127.9.9.9", "127.0.0.1"]).connect_tcp(
            "x.invalid", server.port, timeout=PATIENCE_S
        )
        assert second.get_extra_info("server_addr")[0] == "127.0.0.1"
        await second.aclose()


async def test_a_proxy_is_asked_where_one_is_set(authority, monkeypatch):
    """It connects for us; what the name means here is looked at before, where it is known here."""
    asked: list[str] = []

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).decode().splitlines()[0])
        writer.write(b"HTTP/1.1 403 Forbidden\r\n\r\n")
        writer.close()

    proxy = await asyncio.start_server(connect, "127.0.0.1", 0)
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.sockets[0].getsockname()[1]}")
    server = Server()
    server.hosts["inside.example"] = ["10.0.0.1"]
    with pytest.raises(AttachmentError, match=r"cannot be fetched: .*403"):
        await fetched({"type": "image", "url": "https://pictures.example/a.png"}, server.way)
    assert asked == ["CONNECT pictures.example:443 HTTP/1.1"]
    with pytest.raises(AttachmentError, match="a private network"):
        await fetched({"type": "image", "url": "https://inside.example/a.png"}, server.way)
    assert len(asked) == 1
    proxy.close()


def test_the_parts_of_an_address_that_are_shown():
    """Never a query, which may hold a signature."""
    assert urlsplit(checked_address("https://example.com/a?sig=1#x")).fragment == ""
