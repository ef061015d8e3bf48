"""The test bed keeps its own promises: a closed network, a clean environment, a real model server."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.support.isolation import NetworkBlockedError
from tests.support.llama import CONTEXT_TOKENS, write_tiny_model
from tests.support.paths import REPOSITORY
from tests.support.waits import PATIENCE_S


def test_another_host_is_out_of_reach():
    """Neither an address nor a name outside this machine can be reached, by threads or by asyncio."""
    with socket.socket() as s, pytest.raises(NetworkBlockedError):
        s.connect(("192.0.2.1", 80))
    with pytest.raises(NetworkBlockedError):
        socket.getaddrinfo("example.com", 443)


async def test_another_host_is_out_of_reach_of_asyncio():
    """The event loop's own connections are refused too."""
    with pytest.raises(NetworkBlockedError):
        await asyncio.open_connection("192.0.2.1", 80)


def test_a_host_that_does_not_exist_is_unknown():
    """Names under .invalid fail as on a real network, without a look-up."""
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo("nowhere.invalid", 443)


def test_no_key_and_no_setting_reaches_a_test():
    """Provider keys, proxies and LANGSWARM_ settings of the developer are gone."""
    names = ["OPENAI_API_KEY", "LANGSWARM_MODEL", "https_proxy", "LANGSWARM_SHARED"]
    code = (
        "import os; from tests.support.isolation import clean_environment; clean_environment();"
        f"print([name for name in {names} if name in os.environ])"
    )
    environment = {**os.environ, **dict.fromkeys(names, "x")}
    done = _python(code, env=environment, stdout=subprocess.PIPE)
    assert done.communicate()[0].strip() == "['LANGSWARM_SHARED']"


def test_the_home_folder_is_empty_and_ours(home):
    """What a test writes into the user's home goes to a folder of its own."""
    assert Path.home() == home
    assert list(home.iterdir()) == []
    assert os.environ["XDG_DATA_HOME"].startswith(str(home))


@pytest.fixture(scope="module")
def shared_home():
    """Return the user's home as fixtures see it that are made before any test."""
    return Path.home()


def test_what_tests_share_has_a_home_of_its_own_too(shared_home, home):
    """A kernel of a whole module keeps away from the developer's files, as the kernel of one test does."""
    assert shared_home.parent == home.parent
    assert shared_home != home


def test_the_tiny_model_is_the_same_at_each_call(tiny_model, tmp_path):
    """The model's file has the same bytes, so its answers can be compared between runs."""
    write_tiny_model(tmp_path / "again.gguf")
    assert (tmp_path / "again.gguf").read_bytes() == tiny_model.read_bytes()
    assert tiny_model.stat().st_size < 400_000


@pytest.mark.server
class TestModelServer:
    """llama.cpp's server with the tiny model speaks the three APIs, in one piece and as a stream."""

    @pytest.fixture
    def client(self, llama_server):
        with httpx.Client(base_url=llama_server.url, trust_env=False, timeout=PATIENCE_S) as client:
            yield client

    def test_it_names_its_model(self, client, llama_server):
        """`/v1/models` lists the model by its name."""
        assert [m["id"] for m in client.get("/v1/models").json()["data"]] == [llama_server.name]

    @pytest.mark.parametrize(
        "path, limit, extra, text",
        [
            ("/v1/chat/completions", "max_tokens", {}, lambda r: r["choices"][0]["message"]["content"]),
            ("/v1/messages", "max_tokens", {}, lambda r: r["content"][0]["text"]),
            (
                "/v1/responses",
                "max_output_tokens",
                {"store": False},
                lambda r: r["output"][0]["content"][0]["text"],
            ),
        ],
    )
    def test_it_answers_and_streams(self, client, path, limit, extra, text):
        """At temperature 0 each API answers with twelve words, and its stream carries the same ones."""
        body = {"model": "tiny", "temperature": 0, limit: 12, **extra}
        key = "input" if path.endswith("responses") else "messages"
        body[key] = [{"role": "user", "content": "Où est 日本?"}]
        words = text(client.post(path, json=body).raise_for_status().json()).split()
        stream = client.post(path, json={**body, "stream": True}).raise_for_status()
        assert len(words) == 12
        assert stream.headers["content-type"].startswith("text/event-stream")
        position = -1
        for word in words:
            position = stream.text.index(word.replace('"', '\\"'), position + 1)

    def test_it_refuses_a_prompt_longer_than_its_context(self, client):
        """A prompt over the context is a 400 that says so, as from a big provider."""
        body = {"model": "tiny", "messages": [{"role": "user", "content": "x " * CONTEXT_TOKENS}]}
        answer = client.post("/v1/chat/completions", json=body)
        assert answer.status_code == 400
        assert answer.json()["error"]["type"] == "exceed_context_size_error"


@pytest.mark.server
def test_the_model_server_ends_with_its_parent(tiny_model):
    """A killed test run leaves no server behind."""
    code = (
        "import pathlib, time; from scripts.local_server import LocalServer\n"
        f"with LocalServer(pathlib.Path({str(tiny_model)!r}), name='tiny') as server:\n"
        "    print(server.url, flush=True); time.sleep(60)"
    )
    with _python(code, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        url = parent.stdout.readline().strip()
        httpx.get(f"{url}/health", trust_env=False).raise_for_status()
        parent.kill()
    # Cut off or refused: no time-out, which a server that lives can have too.
    with pytest.raises((httpx.NetworkError, httpx.RemoteProtocolError)):
        _ask_again_and_again(url)


def _python(code, **options):
    return subprocess.Popen([sys.executable, "-c", code], text=True, cwd=REPOSITORY, **options)


def _ask_again_and_again(url):
    for _ in range(10_000):  # seconds, far more than the child needs to notice
        httpx.get(f"{url}/health", trust_env=False, timeout=PATIENCE_S)
