"""Errors in cells end in a step that a cell can take, and unknown prices are one quiet line."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator

import pytest

from langswarm_nb.core.session.errors import NEXT_STEPS, SessionError, next_step
from langswarm_nb.core.session.providers.catalogue import PROVIDERS
from langswarm_nb.notebook.bridge import submit
from langswarm_nb.notebook.cell_errors import CELL_STEPS, cell_words
from tests.contract.provider_cases import CHAT, TEXT
from tests.support.faulty import FaultyServer, Reply, SeenRequest
from tests.support.shells import running_shell
from tests.support.waits import PATIENCE_S

FACTS = {
    "provider": "groq",
    "variable": "GROQ_API_KEY",
    "key_source": "GROQ_API_KEY",
    "model": "m",
    "other": "openai-chat",
    "param": "p",
    "seconds": "3",
}
PYTHON_ONLY = re.compile(
    r"base_url|\bapi_key|allow_http=|timeout_s|list_models|max_messages|os\.environ|(?<!%)pip install"
)


def test_the_steps_of_cells_are_steps() -> None:
    """None is left over from a step that is no more."""
    assert CELL_STEPS.keys() <= NEXT_STEPS.keys()


@pytest.mark.parametrize("name", NEXT_STEPS)
def test_a_cell_is_told_nothing_that_it_cannot_do(name: str) -> None:
    """Arguments and methods of the library are for callers in Python; commands and flags are for cells."""
    step = next_step(name, **FACTS)
    error = SessionError(f"It failed. {step.text}")
    error.next_step = step
    told = cell_words(error)
    assert told.startswith("It failed. ")
    assert not PYTHON_ONLY.search(told)


@pytest.mark.parametrize(
    "name", [name for name, row in PROVIDERS.items() if row.needs_key and row.base_url and row.key_variables]
)
def test_a_missing_key_names_the_command_that_asks_for_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a cell it is a command, whoever raises the error."""
    row = PROVIDERS[name]
    for variable in (*row.key_variables, row.token_variable or ""):
        monkeypatch.delenv(variable, raising=False) if variable else None
    with running_shell(store="memory") as shell:
        for code in (
            f"%%langswarm {name}:m\nHello",
            f"import langswarm_nb\nlangswarm_nb.ask('Hello', model='{name}:m')",
        ):
            ran = shell.try_(code)
            assert isinstance(ran.error, SessionError)
            [line] = ran.error._render_traceback_()  # type: ignore[attr-defined]
            assert f"`%langswarm key {name}`" in line
            assert row.key_variables[0] in line
            assert "api_key" not in line.replace(row.key_variables[0], "")


def test_unknown_prices_are_one_quiet_line() -> None:
    """Below the cell, however many models; other warnings are shown as ever, and nothing is left behind."""
    before = warnings.showwarning
    code = (
        "import warnings\n"
        "from datetime import datetime, UTC\n"
        "from langswarm_nb.analysis.prices import find_price\n"
        "for model in ('quiet-1', 'quiet-2'):\n"
        "    find_price('groq', model, model, datetime.now(UTC))\n"
        "warnings.warn('something else')\n"
    )
    with running_shell(store="memory") as shell:
        with pytest.warns(UserWarning, match="something else") as others:  # noqa: PT031 - both cells
            ran = shell.try_(code)
            again = shell.try_(code)
        told = [line for line in ran.stdout.splitlines() if "price" in line]
        assert len(told) == 1
        assert "groq:quiet-1, groq:quiet-2" in told[0]
        assert "set_price" in told[0]
        assert "quiet" not in again.stdout
        assert {str(other.message) for other in others} == {"something else"}
    assert warnings.showwarning is before


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    faulty = FaultyServer()
    submit(faulty.__aenter__()).result(PATIENCE_S)
    yield faulty
    submit(faulty.__aexit__()).result(PATIENCE_S)


def test_a_cell_gets_its_answer_from_a_server_that_refuses_what_we_add(server: FaultyServer) -> None:
    """Nothing need be known of it, and nothing be typed."""

    def answer(request: SeenRequest) -> Reply:
        if "stream_options" in request.json:
            return Reply.json({"detail": "Extra inputs are not permitted: stream_options"}, 422)
        return Reply.events(CHAT.stream)

    server.script(answer)
    with running_shell(store="memory") as shell:
        for requests in (2, 3):
            reply = shell.run(
                f"%%langswarm -q openai-compatible:m --api-base {server.url}/v1/chat/completions\nHi"
            )
            assert reply.text == TEXT
            assert len(server.requests) == requests


@pytest.mark.parametrize(
    "refusal, told",
    [
        (Reply.json({"detail": "Not Found"}, 404), "`-m openai-chat:MODEL`"),
        (Reply.json({"error": {"message": "maximum context length is 10"}}, 400), "max_context_tokens"),
        (Reply.json({"error": {"message": "no", "code": "invalid_api_key"}}, 401), "`%langswarm key openai`"),
        (
            Reply.json({"error": {"message": "no", "code": "model_not_found"}}, 404),
            "`%langswarm models openai`",
        ),
        (Reply(200, b"<html>Sign in</html>", {"content-type": "text/html"}), "Check the address"),
    ],
)
def test_a_refusal_in_a_cell_says_what_a_cell_can_do(server: FaultyServer, refusal: Reply, told: str) -> None:
    """The same words as elsewhere, and another step."""
    server.script(refusal)
    with running_shell(store="memory") as shell:
        ran = shell.try_(f"%%langswarm -q openai:m --api-base {server.url}\nHi")
        assert isinstance(ran.error, SessionError)
        [line] = ran.error._render_traceback_()  # type: ignore[attr-defined]
        assert told in line
        assert not PYTHON_ONLY.search(line)
