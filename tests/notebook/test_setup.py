"""`%langswarm setup` and `models`: what is found from here, chosen by a number, in a real kernel; keys stay unseen."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from langswarm_nb.core.session.providers.catalogue import PROVIDERS
from tests.support.kernels import Kernel, running_kernel

pytestmark = pytest.mark.kernel

KEY = "co-canary0123456789abcdefghij0123456789"
NOBODY = "http://127.0.0.1:9"
"""Where nothing listens, whatever runs beside the tests."""


class ModelServer(BaseHTTPRequestHandler):
    """Lists its models, as llama.cpp's server does to all and Cohere to who has the key; writes no log."""

    def do_GET(self) -> None:
        if "ANY" in self.path:
            self.send_error(404)
            return
        models = {
            "object": "list",
            "data": [{"id": "tiny-1", "object": "model"}, {"id": "tiny-2", "object": "model"}],
            "models": [{"name": "command-r7b", "endpoints": ["chat"], "context_length": 128_000}],
        }
        body = json.dumps(models).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Write nothing."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Return the address of a model server on this machine."""
    with ThreadingHTTPServer(("127.0.0.1", 0), ModelServer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture(scope="module")
def kernel(server: str) -> Iterator[Kernel]:
    """Return a kernel from which one server is there, and the keys of two services."""
    env = {
        **{name: NOBODY for row in PROVIDERS.values() if not row.needs_key for name in row.url_variables},
        "LLAMACPP_BASE_URL": f"{server}/v1",
        "CO_API_URL": server,
        "GROQ_API_KEY": "gsk-canary01234567",
        "DEEPSEEK_API_KEY": "sk-canary01234567",
        "LANGSWARM_STORE": "memory",
    }
    with running_kernel(env=env) as kernel:
        kernel.run("%load_ext langswarm_nb")
        yield kernel


@pytest.fixture
def fresh(kernel: Kernel) -> Kernel:
    """Return the kernel with an empty store, and no key that a test typed."""
    kernel.run("%reload_ext langswarm_nb")
    return kernel


def model(kernel: Kernel) -> str:
    return kernel.run("%langswarm use").result


def test_without_input_the_list_is_shown_with_what_to_type(fresh: Kernel):
    """Under nbclient and Run All nothing waits: what was found is printed, with the command for each."""
    cell = fresh.run("%langswarm setup")
    for found in ("llamacpp:tiny-1", "llamacpp:tiny-2", "a server on this machine", "key in GROQ_API_KEY"):
        assert found in cell.stdout
    for command in ("use llamacpp:tiny-1", "models groq", "key PROVIDER"):
        assert f"%langswarm {command}" in cell.result
    assert "canary" not in cell.stdout + cell.result
    assert model(fresh) == "mock:echo"


def test_a_number_chooses_the_model_of_the_session(fresh: Kernel):
    """What is typed is a number of the list; anything else is asked for again, and not repeated."""
    cell = fresh.send("%langswarm setup", stdin=True)
    assert "Which one?" in fresh.answer(KEY)[0]
    fresh.answer("99")
    fresh.answer("2")
    fresh.wait(cell)
    assert "llamacpp:tiny-2 is the model of this session now" in cell.result
    assert model(fresh) == "llamacpp:tiny-2"
    assert "canary" not in cell.stdout + cell.result


def test_the_extension_is_unloaded_after_a_server_was_asked(fresh: Kernel):
    """The kernel's own loop has opened that connection and has to close it, while the cell waits."""
    fresh.run("%langswarm models llamacpp")
    fresh.run("%unload_ext langswarm_nb")
    assert fresh.run("'langswarm' in get_ipython().magics_manager.magics['cell']").result == "False"
    fresh.run("%load_ext langswarm_nb")
    assert fresh.run("'langswarm' in get_ipython().magics_manager.magics['cell']").result == "True"


def test_nothing_typed_changes_nothing(fresh: Kernel):
    """Enter leaves everything as it was."""
    cell = fresh.send("%langswarm setup", stdin=True)
    fresh.answer("")
    fresh.wait(cell)
    assert (cell.result, model(fresh)) == ("Nothing was changed.", "mock:echo")


def test_another_provider_asks_for_its_key_unseen(fresh: Kernel):
    """A provider without a key is asked for by name, its key without echo, then its models are listed."""
    cell = fresh.send("%langswarm setup", stdin=True)
    fresh.answer("5")
    assert "Which provider" in fresh.answer("coher")[0]
    assert "Which provider" in fresh.answer("cohere")[0]
    question, is_unseen = fresh.answer(KEY)
    assert ("cohere" in question, is_unseen) == (True, True)
    fresh.answer("command-r7b")
    fresh.wait(cell)
    assert "did you mean cohere?" in cell.stdout
    assert "kept in the memory of this kernel" in cell.stdout
    assert model(fresh) == "cohere:command-r7b"
    assert "canary" not in cell.stdout + cell.result


def test_models_lists_the_providers_with_key_context_and_price(fresh: Kernel):
    """Without a provider: who could be asked, what is missing, and what to type next; nothing leaves the machine."""
    code = "print(json.dumps(list(get_ipython().run_line_magic('langswarm', 'models'))))"
    rows = {row["provider"]: row for row in json.loads(fresh.run(f"import json\n{code}").stdout)}
    assert set(PROVIDERS) <= set(rows)
    assert (rows["openai"]["key"], rows["openai"]["next"]) == ("no key", "%langswarm key openai")
    assert (rows["groq"]["key"], rows["groq"]["next"]) == ("key in GROQ_API_KEY", "%langswarm models groq")
    assert rows["llamacpp"]["key"].startswith("a server listens at http://127.0.0.1:")
    assert rows["vllm"]["key"] == f"no server at {NOBODY}"
    assert rows["azure"]["key"].startswith("no ")
    assert "canary" not in str(rows)
    pytest.importorskip("genai_prices", reason="needs the extra cost")
    assert rows["openai"]["context"].startswith("up to ")
    assert rows["openai"]["USD per million in / out"].startswith("from $")


def test_the_models_of_a_provider_have_context_and_price(fresh: Kernel):
    """What the service does not tell of a model, the list of prices adds."""
    pytest.importorskip("genai_prices", reason="needs the extra cost")
    fresh.run("import langswarm_nb as ls; ls.set_price('tiny-1', 0, 0); ls.set_price('tiny-2', 0.5, 2)")
    shown = fresh.run("%langswarm models llamacpp").result
    assert "llamacpp:tiny-1" in shown
    assert "free" in shown
    assert "$0.50 / $2" in shown


@pytest.mark.parametrize(
    "before, typed, suggested",
    [
        ("mock:echo", "gpt-6-luna", "openai:gpt-6-luna"),
        ("mock:echo", "claude-opus-5-5", "anthropic:claude-opus-5-5"),
        ("mock:echo", "llama3.2:3b", "ollama:llama3.2:3b"),
        ("deepseek:deepseek-chat", "mistral-large", "mistral:mistral-large"),
    ],
)
def test_a_model_without_its_provider_is_suggested_with_it(
    fresh: Kernel, before: str, typed: str, suggested: str
):
    """`use gpt-…` says what to write; it is not taken for a model of whoever was asked before."""
    fresh.run(f"%langswarm use {before}")
    cell = fresh.execute(f"%langswarm use {typed}")
    assert f"write {suggested}." in cell.evalue
    assert model(fresh) == before


def test_a_host_of_many_models_takes_a_name_alone(fresh: Kernel):
    """Groq, OpenRouter and servers of one's own have models of all makers: a bare name is theirs."""
    fresh.run("%langswarm use groq:a")
    assert fresh.run("%langswarm use llama-3.3-70b").result == "groq:llama-3.3-70b"


def test_a_missing_key_says_what_to_do_in_a_cell(fresh: Kernel):
    """The error of a model without a key names the command that asks for it."""
    cell = fresh.execute("%langswarm use openai:gpt-6-luna")
    shown = [output["traceback"] for output in cell.outputs if output["output_type"] == "error"]
    assert "`%langswarm key openai`" in str(shown)
