"""What a cell leaves in the notebook: one output, safe and with its origin; parts, marks, static mode, no key."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.counting import counting
from tests.support.kernels import Cell, Kernel, running_kernel

pytestmark = pytest.mark.kernel

LOAD = "%load_ext langswarm_nb"


@pytest.fixture(scope="module")
def shared() -> Iterator[Kernel]:
    """Yield the kernel of this module, with the extension."""
    with running_kernel() as kernel:
        kernel.run(LOAD)
        yield kernel


@pytest.fixture
def loaded(shared: Kernel) -> Kernel:
    """Return a kernel with the extension, in a new session with the model echo."""
    shared.run("%langswarm new")
    shared.run("%langswarm use mock:echo")
    return shared


def only_output(cell: Cell) -> dict[str, Any]:
    """Return the one output of a cell."""
    [output] = cell.outputs
    return output


def test_an_answer_is_one_output_with_its_origin(loaded):
    """HTML, plain text, and metadata with model, ids, usage and a hash of the prompt; nothing else is saved."""
    output = only_output(loaded.run("%%langswarm --new\nHello **you**"))
    assert output["output_type"] == "display_data"
    assert "<strong>you</strong>" in output["data"]["text/html"]
    assert output["data"]["text/plain"].endswith("Hello **you**")
    origin = output["metadata"]["langswarm"]
    assert (origin["model"], origin["status"], origin["usage"]["output_tokens"] > 0) == ("echo", "ok", True)
    assert {"session_id", "message_id", "question_id", "prompt_sha256"} <= set(origin)


def test_the_value_of_a_cell_is_shown_once(loaded):
    """`Out[n]` holds the reply without a second output; later cells show it whole."""
    loaded.run("%%langswarm\nOnce")
    output = only_output(loaded.run("reply = _\nreply"))
    assert output["output_type"] == "execute_result"
    assert "You said: Once" in output["data"]["text/html"]
    assert loaded.run("repr(reply)").result.startswith("\"Reply(mock:echo, ok: 'I am mock:echo")


def test_a_footer_tells_who_what_and_where(loaded):
    """Model, tokens, seconds and place are in one line; `-u` unfolds to all that is known; it can be left out."""
    html = only_output(loaded.run("%%langswarm --new foot\nHi"))["data"]["text/html"]
    assert "mock:echo · 1→" in html
    assert " · turn 0.1 · new session foot</div>" in html
    assert "request id" in only_output(loaded.run("%%langswarm -u\nHi"))["data"]["text/html"]
    loaded.run("%config LangSwarmMagics.footer = 'off'")
    assert 'lsnb-footer"' not in only_output(loaded.run("%%langswarm\nHi"))["data"]["text/html"]
    loaded.run("%config LangSwarmMagics.footer = 'auto'")


def test_what_was_filled_in_is_shown(loaded):
    """The footer unfolds to each field and what stands in its place."""
    loaded.run("value = 41")
    html = only_output(loaded.run("%%langswarm\nIs it {{ value }}?"))["data"]["text/html"]
    assert "<dt>{{ value }}</dt>" in html
    assert "int, 2 characters\n41" in html


@pytest.mark.parametrize(
    "form, part",
    [
        ("markdown", "<strong>b</strong>"),
        ("text", "**b**"),
        ("code", "<pre"),
        ("html", 'sandbox=""'),
        ("json", "**b**"),
        ("math", "**b**"),
    ],
)
def test_a_format_says_how_it_is_shown(loaded, form, part):
    """`-f` changes what is seen and not what is kept; html is only ever shown in a frame that runs nothing."""
    cell = loaded.run(f"%%langswarm --new -f {form}\n<script>alert(1)</script> **b**")
    html = only_output(cell)["data"]["text/html"]
    assert part in html
    assert "<script" not in html
    assert loaded.run("_.text.endswith('</script> **b**')").result == "True"


def test_a_reply_can_be_sent_without_being_shown(loaded):
    """`-f none` and `-q` show nothing, and the cell still returns the reply."""
    for flag in ("-f none", "-q"):
        assert loaded.run(f"%%langswarm {flag}\nQuiet").outputs == []
        assert loaded.run("_.text").result.endswith("You said: Quiet'")


def test_code_is_offered_as_the_next_cell(loaded):
    """`-f code` shows the code and offers it; nothing is run."""
    cell = loaded.run("%%langswarm -f code\nEcho\n```python\nran = True\n```")
    assert cell.reply["payload"] == [{"source": "set_next_input", "text": "ran = True", "replace": False}]
    assert "ran = True" in only_output(cell)["data"]["text/plain"]
    assert loaded.execute("ran").ename == "NameError"


def test_answers_are_shown_side_by_side(loaded):
    """A comparison is one output with a column a model, and a failure has its column too."""
    html = only_output(loaded.run("%%langswarm --new -m mock:echo,mock:error\nHi"))["data"]["text/html"]
    assert html.count("<strong>mock:") == 2
    assert "ProviderServerError" in html
    assert "Go on with this one: <code>%langswarm use 0.1</code>" in html
    assert html.count("Go on with this one") == 1
    assert " · turn 0.1 · new session " in html
    assert html.count(" · turn 0.2") == 1


def test_an_interrupted_answer_is_marked(loaded):
    """The part stays in the output with its mark, and its origin says that it was stopped."""
    loaded.run(counting(provider="groq"))
    cell = loaded.send("%%langswarm groq:counts\nCount")
    loaded.wait_for(cell, lambda: "3 4" in json.dumps(cell.outputs))
    loaded.interrupt()
    loaded.wait(cell)
    shown = cell.outputs[0]
    assert "■ stopped" in shown["data"]["text/html"]
    assert shown["metadata"]["langswarm"]["status"] == "stopped"
    assert (cell.ename, cell.evalue.startswith("stopped; what had arrived is kept")) == (
        "KeyboardInterrupt",
        True,
    )


def test_an_interrupt_before_the_first_word_ends_the_cell_too(loaded):
    """A model that says nothing can be stopped; the question is kept."""
    loaded.run(
        "from langswarm_nb.core.session.providers.mock import MockProviderSession\n"
        "from langswarm_nb.core.session import get_session_manager\n"
        "get_session_manager().add_provider_session('groq', MockProviderSession(replies=['late'], delay_s=60))"
    )
    cell = loaded.send("print('go')\nget_ipython().run_cell_magic('langswarm', '--new -m groq:x', 'Silence')")
    loaded.wait_for(cell, lambda: "go" in cell.stdout)
    loaded.interrupt()
    assert loaded.wait(cell).ename == "KeyboardInterrupt"
    assert loaded.run("%%langswarm -m mock:echo\nStill there?").status == "ok"


def test_static_mode_shows_each_answer_once():
    """With `LANGSWARM_STREAM=0` there is one message for the output, so that saved notebooks can be compared."""
    with running_kernel(env={"LANGSWARM_STREAM": "0"}) as kernel:
        kernel.run(LOAD)
        cell = kernel.run("%%langswarm mock:script\nHi")
        kinds = [message["msg_type"] for message in cell.messages]
        assert kinds.count("display_data") == 1
        assert "update_display_data" not in kinds


def test_a_long_answer_streams_within_its_budget():
    """4,000 pieces, 96 kB: at most 400 messages and 0.5 MB on the wire."""
    with running_kernel() as kernel:
        kernel.run(LOAD)
        kernel.run(
            "from langswarm_nb.core.session.providers.mock import MockProviderSession\n"
            "from langswarm_nb.core.session import get_session_manager\n"
            "words = 'twenty-four characters. ' * 4000\n"
            "mock = MockProviderSession(replies=[words], chunk_chars=24)\n"
            "get_session_manager().add_provider_session('groq', mock)"
        )
        cell = kernel.run("%%langswarm -m groq:x\nGo")
        assert len(cell.messages) <= 400
        assert cell.size_bytes <= 500_000
        assert only_output(cell)["data"]["text/plain"].count("twenty-four") == 4000


def test_no_key_is_in_any_output():
    """Keys of the environment are in no message of the kernel, whatever fails and however it is shown."""
    canary = "sk-canary-0123456789abcdef0123"
    with running_kernel(env={"OPENAI_API_KEY": canary, "MY_KEY": canary, "GROQ_API_KEY": canary}) as kernel:
        codes = [
            LOAD,
            "%langswarm doctor",
            "%langswarm use groq:x",
            "%%langswarm -m openai-compatible:x --api-base http://127.0.0.1:9 --api-key-name MY_KEY --retries 0\nHi",
            f"%%langswarm -m openai-compatible:x --api-base http://127.0.0.1:9 --api-key-name {canary}\nHi",
            "%config LangSwarmMagics.short_errors = False",
            "%xmode Verbose",
            "%%langswarm -m openai-compatible:x --api-base http://127.0.0.1:9 --api-key-name MY_KEY --retries 0\nHi",
            "%langswarm traceback",
            "%langswarm config",
        ]
        cells = [kernel.execute(code) for code in codes]
        typed = canary.encode()
        seen = [
            json.dumps([cell.outputs, cell.reply], default=str).encode()
            for cell in cells
            if canary not in cell.code
        ]
        assert not [text for text in seen if typed in text]
        assert typed not in kernel.log.read_bytes()


def test_an_interrupted_comparison_keeps_all_parts(loaded):
    """Answers stream side by side; ■ stops all of them, and each part is marked and stored."""
    loaded.run(counting(provider="groq"))
    cell = loaded.send("%%langswarm --new -m groq:one,groq:two\nCount")
    loaded.wait_for(cell, lambda: json.dumps(cell.outputs).count("2 3") >= 2)
    loaded.interrupt()
    loaded.wait(cell)
    assert cell.ename == "KeyboardInterrupt"
    assert cell.outputs[0]["data"]["text/html"].count("■ stopped") == 2
    states = [origin["status"] for origin in cell.outputs[0]["metadata"]["langswarm"]]
    assert states == ["stopped", "stopped"]
