"""`%%langswarm` and each of its flags, in a shell of this process."""

from __future__ import annotations

import asyncio
import logging
from threading import Thread

import pytest

import langswarm_nb
from langswarm_nb.core.session import (
    IProviderSession,
    ModelInfo,
    ProviderNotFoundError,
    SessionValueError,
)
from langswarm_nb.core.session.messages import FinishReason, Usage
from langswarm_nb.core.session.provider_events import Delta, Finish, ReplyInfo
from langswarm_nb.core.session.providers.mock import MockProviderSession
from langswarm_nb.notebook.asking import sender
from tests.support.shells import running_shell


@pytest.fixture
def shell():
    """Return a shell with the extension, offline, on a store of its own."""
    with running_shell(session="default") as shell:
        yield shell


def last_request(shell):
    """Return what the mock was asked last."""
    return shell.workspace.manager.provider_session("mock").requests[-1]


def sent(shell):
    """Return the texts of the last request, with the first letter of their roles."""
    return [f"{message.role.value[0]}:{message.content}" for message in last_request(shell).messages]


def test_a_reply_tells_all_that_is_known(shell):
    """The cell returns a Reply with text, code, usage, time, finish, place and provenance."""
    reply = shell.run("%%langswarm\nHello")
    assert reply.text == str(reply) == reply.message.content
    assert reply.text.endswith("You said: Hello")
    assert (reply.status, reply.finish_reason, reply.turn, reply.code, reply.codes) == (
        "ok",
        "stop",
        0,
        None,
        [],
    )
    assert reply.usage.input_tokens == 2
    assert reply.latency_s >= 0
    assert reply.cost_usd is None
    assert reply.session.title == "default"
    assert reply.question.content == "Hello"
    assert reply.provenance["model"] == "echo"
    assert len(reply.provenance["prompt_sha256"]) == 64
    assert list(reply.to_frame().role) == ["user", "assistant"]
    assert shell["_"] is reply


async def test_a_reply_can_be_asked_for_again():
    """`await reply.retry(model=…)` answers once more, as a version beside the first."""
    with running_shell(store="memory") as shell:
        reply = await asyncio.to_thread(shell.run, "%%langswarm\nHello")
        again = await reply.retry(model="mock:script", temperature=0)
    assert (again.model, again.question.id, again.message.version) == ("mock:script", reply.question.id, 2)


def test_the_model_of_a_cell_is_for_that_cell(shell):
    """`MODEL` and `-m` choose who answers this cell; the session's model stays."""
    shell.run("%%langswarm -q\nHi")
    assert shell.run("%%langswarm mock:script -q\nHi").model == "mock:script"
    assert shell.run("%%langswarm -m mock/script -q\nHi").model == "mock:script"
    assert shell.run("%%langswarm -q\nHi").model == "mock:echo"


@pytest.mark.parametrize("line", ["-m opnai:gpt-9", "-m gpt-9"])
def test_an_unknown_model_is_refused(shell, line):
    """A model without a known provider is refused before anything is stored."""
    assert "openai" in shell.fail(f"%%langswarm {line}\nHi")
    assert shell.run("%langswarm")["messages"] == "0 on this branch, 0 in all"


def test_a_system_prompt_is_a_message_and_can_be_replaced(shell):
    """`-s` is recorded, sent from here on, replaced by another and taken away by an empty one."""
    shell.run('%%langswarm -q -s "Be brief"\nOne')
    shell.run("%%langswarm -q\nTwo")
    assert sent(shell)[0] == "s:Be brief"
    shell.run('%%langswarm -q -s "Be brief"\nThree')
    assert sent(shell).count("s:Be brief") == 1
    shell.run('%%langswarm -q -s "Be long"\nFour')
    assert [text for text in sent(shell) if text.startswith("s:")] == ["s:Be long"]
    shell.run('%%langswarm -q -s ""\nFive')
    assert [text for text in sent(shell) if text.startswith("s:")] == []
    roles = [message.role.value for message in shell.run("%langswarm show").messages]
    assert roles.count("system") == 4


def test_a_system_prompt_can_be_in_a_file(shell, tmp_path):
    """`--system-file` reads UTF-8 text; a file that cannot be read is named."""
    file = tmp_path / "system prompt.txt"
    file.write_text("Be brief 🦆", "utf-8")
    shell.run(f'%%langswarm -q --system-file "{file}"\nOne')
    assert sent(shell)[0] == "s:Be brief 🦆"
    assert "could not be read" in shell.fail(f"%%langswarm --system-file {tmp_path}/none\nOne")


def test_a_session_can_be_named_for_one_cell(shell):
    """`-S NAME` speaks to another session, and the next cell goes on where it was."""
    shell.run("%%langswarm -q\nHere")
    shell.run("%%langswarm -q -S there\nThere")
    shell.run("%%langswarm -q\nHere again")
    assert sent(shell)[0] == "u:Here"
    shell.run("%%langswarm -q -S there\nThere again")
    assert sent(shell)[0] == "u:There"


def test_new_starts_a_session_and_stays_in_it(shell):
    """`--new [NAME]`: the cell and those after it are in a new session."""
    shell.run("%%langswarm -q\nOld")
    shell.run("%%langswarm -q --new work\nNew")
    assert sent(shell) == ["u:New"]
    assert shell.run("%langswarm")["session"] == "work"
    shell.run("%%langswarm -q --new\nNewer")
    assert shell.run("%langswarm")["session"] == "default-2"


def test_a_branch_is_forked_and_gone_on_with(shell):
    """`-b NAME --from TURN` forks, `-b NAME` goes on, and an unknown branch names those there are."""
    for text in ("One", "Two"):
        shell.run(f"%%langswarm -q\n{text}")
    shell.run("%%langswarm -q -b other --from 0\nOther")
    assert [text for text in sent(shell) if text.startswith("u")] == ["u:One", "u:Other"]
    shell.run("%%langswarm -q -b main\nThree")
    assert [text for text in sent(shell) if text.startswith("u")] == ["u:One", "u:Two", "u:Three"]
    assert "did you mean other?" in shell.fail("%%langswarm -b othr\nX")
    assert "No turn 9" in shell.fail("%%langswarm --from 9\nX")


def test_options_are_sent_only_when_set(shell):
    """`-t`, `--max-tokens` and `-o` reach the provider under their names, for this cell alone."""
    shell.run("%%langswarm -q\nHi")
    assert dict(last_request(shell).options) == {}
    shell.run("%%langswarm -q -t 0.5 --max-tokens 7 -o top_p 0.9 -o flavour '{\"a\": 1}'\nHi")
    assert dict(last_request(shell).options) == {
        "temperature": 0.5, "max_tokens": 7, "top_p": 0.9, "flavour": {"a": 1},
    }  # fmt: skip
    shell.run("%%langswarm -q\nHi")
    assert dict(last_request(shell).options) == {}
    assert "temperature" in shell.fail("%%langswarm -t -1\nHi")


def test_limits_are_those_of_the_cell(shell):
    """`--timeout`, `--retries` and `--no-stream` shape the request."""
    shell.run("%%langswarm -q --timeout 5 --retries 0 --no-stream\nHi")
    request = last_request(shell)
    assert (request.timeout_s, request.retries, request.stream) == (5.0, 0, False)
    assert "did not finish within" in shell.fail("%%langswarm mock:slow --timeout 0.05\nHi")


def test_a_prompt_can_be_sent_alone(shell):
    """`--no-history` sends the system prompt and this prompt, and the conversation goes on without it."""
    shell.run('%%langswarm -q -s "Be brief"\nOne')
    shell.run("%%langswarm -q --no-history\nAlone")
    assert sent(shell) == ["s:Be brief", "u:Alone"]
    again = shell.run("%%langswarm -q --no-history\nAlone")
    assert again.footer.endswith(" · turn 2.1 · aside")
    shell.run("%%langswarm -q\nTwo")
    assert "u:Alone" not in sent(shell)
    assert [row["version"] for row in shell.run("%langswarm versions")] == ["3.1"]


def test_extract_takes_one_code_block(shell):
    """`-x` and `--xl` make the reply's text its first or last code block; the message keeps everything."""
    prompt = "Echo\n```python\none()\n```\nand\n```\ntwo()\n```"
    assert shell.run(f"%%langswarm -q -x\n{prompt}").text == "one()"
    reply = shell.run(f"%%langswarm -q --xl\n{prompt}")
    assert reply.text == "two()"
    assert reply.codes == ["one()", "two()"]
    assert "and" in reply.message.content
    assert shell.run("%%langswarm -q -x\nNo code").text.endswith("No code")


def test_names_are_filled_in_unless_raw(shell):
    """`{{ x }}` is filled in before sending; `--raw` and the setting leave it."""
    shell["x"] = 5
    assert shell.run("%%langswarm -q\n{{ x }}").question.content == "5"
    assert shell.run("%%langswarm -q --raw\n{{ x }}").question.content == "{{ x }}"
    shell.magics.interpolate = False
    assert shell.run("%%langswarm -q\n{{ x }}").question.content == "{{ x }}"


def test_nothing_is_sent_when_a_name_is_missing(shell):
    """An undefined name is refused before the session is touched."""
    shell["temperature"] = 5
    assert "did you mean temperature?" in shell.fail("%%langswarm\n{{ temprature }}")
    assert shell.run("%langswarm")["messages"] == "0 on this branch, 0 in all"


@pytest.mark.parametrize("body", ["", "\n", "  \n\n"])
def test_an_empty_prompt_is_refused(shell, body):
    """A cell without a prompt says where it goes."""
    assert "UsageError" in shell.fail(f"%%langswarm\n{body}")


def test_a_dry_run_shows_and_sends_nothing(shell):
    """`--dry-run` shows the messages, what was filled in, tokens and price; nothing is stored or sent."""
    shell["x"] = [1, 2]
    preview = shell.run('%%langswarm --dry-run -s "Be brief" -t 0\nWhat is {{ x }}?')
    text = repr(preview)
    for part in (
        "system:\nBe brief",
        "user:\nWhat is [1, 2]?",
        "{{ x }} → list",
        "temperature=0.0",
        "~",
        "not sent",
    ):
        assert part in text
    assert preview.input_tokens > 0
    assert shell.run("%langswarm sessions").rows == []
    shell.run("%%langswarm -q\nOne")
    assert "One" in repr(shell.run("%%langswarm --dry-run\nTwo"))
    assert "One" not in repr(shell.run("%%langswarm --dry-run --no-history\nTwo"))
    assert "One" not in repr(shell.run("%%langswarm --dry-run --new\nTwo"))


def test_a_dry_run_shows_what_a_limit_leaves_out(shell):
    """The messages of a preview are those that would be sent, trimmed as they would be."""
    for text in ("x" * 400, "Two"):
        shell.run(f"%%langswarm -q\n{text}")
    shell.magics.max_context_tokens = 100
    assert "xxxx" not in repr(shell.run("%%langswarm --dry-run\nThree"))
    shell.magics.trim = "error"
    assert "too long" in shell.fail("%%langswarm\nThree")


def test_a_budget_refuses_what_would_cost_more(shell):
    """`--budget` and the kernel's budget refuse before sending; an unknown price is refused too."""
    manager = shell.workspace.manager
    langswarm_nb.set_price("budget-model", 1_000_000, 1_000_000, provider="groq")
    manager.add_provider_session("groq", MockProviderSession(replies=["Yes"] * 9))
    shell.run("%langswarm use groq:budget-model")
    assert "would cost about" in shell.fail("%%langswarm --budget 1\nHello there")
    assert shell.run("%langswarm")["messages"] == "0 on this branch, 0 in all"
    assert shell.run("%%langswarm -q --budget 100\nHello there").text == "Yes"
    shell.run("%langswarm budget 1")
    assert "the budget leaves" in shell.fail("%%langswarm\nHello there")
    assert "is not known" in shell.fail("%%langswarm -m groq:unpriced-model\nHello there")


def test_another_address_is_used_for_the_cell_alone(shell, llama_server, monkeypatch):
    """`--api-base` sends this cell there, with the key of the variable that `--api-key-name` names."""
    monkeypatch.setenv("MY_OWN_KEY", "sk-canary-0123456789abcdef")
    address = f"--api-base {llama_server.url}/v1 --api-key-name MY_OWN_KEY"
    reply = shell.run(f"%%langswarm -q {llama_server.name} {address} --max-tokens 4\nOnce")
    assert reply.status == "ok"
    assert reply.model.startswith("openai-compatible:")
    assert "canary" not in repr(reply.message)
    assert shell.run("%langswarm ask Hi").model == "mock:echo"


@pytest.mark.parametrize(
    "line, complaint",
    [
        ("--api-key-name sk-canary-0123456789abcdef", "NAME of an environment variable"),
        ("--api-key-name NOT_SET_AT_ALL", "NOT_SET_AT_ALL is not set"),
        ("-m openai-compatible:x --api-base http://example.invalid/v1", "use https"),
        ("-m openai-compatible:x --api-base https://user:canary@example.invalid/v1", "not shown"),
        (
            "--api-base http://127.0.0.1:9",
            "mock has none. Leave it out, or name the model there too: `-m openai-",
        ),
        ("-m openai-compatible:x -m mock:echo --api-base http://127.0.0.1:9", "mock has none"),
    ],
)
def test_a_wrong_address_or_key_name_is_refused_and_not_shown(shell, line, complaint):
    """What may be a key is not repeated."""
    text = shell.fail(f"%%langswarm {line}\nHi")
    assert complaint in text
    assert "canary" not in text


def test_the_first_send_to_another_machine_says_so_once(shell):
    """The first prompt that leaves the machine prints where it goes; local ones and later ones do not."""

    class Far(MockProviderSession):
        http = type(
            "Http", (), {"address": type("Address", (), {"origin": "https://api.far", "is_local": False})}
        )

    shell.workspace.manager.add_provider_session("groq", Far())
    assert "leave this machine" not in shell.try_("%%langswarm -q\nHi").stdout
    assert "leave this machine for https://api.far" in shell.try_("%%langswarm -q -m groq:x\nHi").stdout
    assert "leave this machine" not in shell.try_("%%langswarm -q -m groq:x\nHi").stdout


def test_models_are_compared_at_the_same_time(shell):
    """Two models get one prompt; the answers are versions of one turn, none is chosen, and one can be."""
    shell.run("%%langswarm -q\nBefore")
    both = shell.run("%%langswarm -q -m mock:echo -m mock:script\nCompare")
    assert [reply.model for reply in both] == ["mock:echo", "mock:script"]
    assert both["mock:echo"].text == "You said: Compare"
    assert both[0].message.request.compare_id == both[1].message.request.compare_id is not None
    assert len(shell.run("%langswarm show").messages) == 2
    frame = shell.run("%langswarm compare")
    assert list(frame.model) == ["echo", "script"]
    assert list(both.to_frame().model) == ["echo", "script"]
    assert shell.run("%langswarm tree").split("\n") == [
        "● 0.1 Before [main]",
        "├─ ○ 1.1 Compare (mock:echo)",
        "└─ ○ 1.2 Compare (mock:script)",
    ]
    assert shell.run("%langswarm use 1.2") == "goes on from 1.2"
    assert shell.run("%langswarm show").messages[-1].content == both[1].text
    shell.run("%%langswarm -q\nAfter")
    assert sent(shell)[-2:] == [f"a:{both[1].text}", "u:After"]


def test_a_model_that_is_named_twice_answers_twice(shell):
    """Each answer has its own number, also by an alias, when the cell runs again, and when it is retried."""
    shell.run("%%langswarm -q\nBefore")
    shell.run("%langswarm alias me mock:echo")
    for ask in ["-m mock:echo,mock:echo", "-m me -m mock:echo"]:
        twice = shell.run(f"%%langswarm -q {ask}\nWho?")
        again = shell.run("%langswarm retry")
        titles = ("mock:echo (1)", "mock:echo (2)")
        assert twice.models == again.models == titles
        assert [reply.text for reply in (*twice, *again)] == ["You said: Who?"] * 4
        assert twice["mock:echo (2)"].message.id == twice[1].message.id != twice[0].message.id
    assert str(twice) == "mock:echo (1):\nYou said: Who?\n\nmock:echo (2):\nYou said: Who?"
    assert len(shell.run("%langswarm tree").split("\n")) == 9


class Meeting(IProviderSession):
    """Answers only when as many requests as expected are under way at once."""

    name = "meeting"

    def __init__(self, expected):
        self._barrier = asyncio.Barrier(expected)

    async def stream(self, request):
        await self._barrier.wait()
        yield ReplyInfo(model=request.model)
        yield Delta("met")
        yield Usage(1, None, None, 1)
        yield Finish(FinishReason.STOP)


def test_compared_requests_run_side_by_side(shell):
    """No model waits for another: all requests are under way together."""
    shell.workspace.manager.add_provider_session("groq", Meeting(3))
    answers = shell.run("%%langswarm -q --timeout 600 -m groq:a,groq:b,groq:c\nMeet")
    assert [reply.text for reply in answers] == ["met"] * 3


def test_one_failure_does_not_take_the_other_answers(shell):
    """A model that fails is told beside the answers; when all fail, the cell does."""
    both = shell.run("%%langswarm -q -m mock:error -m mock:echo\nHi")
    assert [reply.model for reply in both] == ["mock:echo"]
    assert "ProviderServerError" in repr(both.errors["mock:error"])
    shell.workspace.manager.add_provider_session("groq", MockProviderSession(replies=[]))
    assert "ProviderServerError" in shell.fail("%%langswarm -m mock:error -m groq:x\nHi")


def test_an_error_is_stored_and_the_text_is_not_lost(shell):
    """A failed turn is kept with its status, so that it can be seen and sent again."""
    assert "ProviderRateLimitError" in shell.fail("%%langswarm mock:error -o error rate_limit\nImportant")
    frame = shell.run("%langswarm df turns")
    assert (frame.status[0], frame.error_type[0]) == ("error", "ProviderRateLimitError")
    assert shell.run("%langswarm show").messages[0].content == "Important"


def test_an_unexpected_error_is_ours_and_short(shell, monkeypatch):
    """A fault inside the magics is a `SessionError` that says whose it is, with its cause chained."""

    def broken(*_, **__):
        raise KeyError("inner")

    monkeypatch.setattr(sender, "make_plan", broken)
    ran = shell.try_("%%langswarm\nHi")
    assert "bug in langswarm_nb" in ran.complaint
    assert isinstance(ran.error.__cause__, KeyError)
    assert ran.stdout.count("\n") == 1


def test_errors_can_be_shown_whole(shell):
    """With `short_errors = False` a cell shows the frames as usual."""
    shell.magics.short_errors = False
    assert "Traceback" in shell.try_("%%langswarm mock:error\nHi").stdout
    shell.magics.short_errors = True
    assert "Traceback" not in shell.try_("%%langswarm mock:error\nHi").stdout


def test_settings_come_from_the_environment(monkeypatch):
    """`LANGSWARM_<NAME>` sets a trait; a value that is not allowed is told and ignored."""
    monkeypatch.setenv("LANGSWARM_MODEL", "mock:script")
    monkeypatch.setenv("LANGSWARM_STORE", "memory")
    monkeypatch.setenv("LANGSWARM_STREAM", "0")
    monkeypatch.setenv("LANGSWARM_FOOTER", "loud")
    with running_shell() as shell:
        assert shell.run("%langswarm")["store"] == "memory"
        assert shell.run("%langswarm ask Hi").model == "mock:script"
        assert (shell.magics.stream, shell.magics.footer) == (False, "auto")
        assert [complaint for complaint in shell.magics.ignored if "LANGSWARM_FOOTER='loud'" in complaint]


def test_a_configuration_file_comes_before_the_environment(monkeypatch):
    """What a profile sets stays, whatever `LANGSWARM_<NAME>` says."""
    monkeypatch.setenv("LANGSWARM_FOOTER", "full")
    monkeypatch.setenv("LANGSWARM_RERUN", "append")
    with running_shell(footer="off") as shell:
        assert (shell.magics.footer, shell.magics.rerun) == ("off", "append")


def test_a_session_of_the_settings_is_gone_on_with():
    """`session` names the session to resume, and to make when there is none."""
    with running_shell(session="work") as shell:
        shell.run("%%langswarm -q\nOne")
    with running_shell(session="work") as shell:
        assert shell.run("%langswarm")["turns"] == 1


def test_unloading_leaves_nothing_behind():
    """`%unload_ext` takes away magics, transformers, completion, hooks and settings, and can be undone."""
    with running_shell() as shell:
        ipython = shell.ipython
        ipython.run_line_magic("unload_ext", "langswarm_nb")
        assert "not found" in shell.fail("%langswarm")
        assert "not found" in shell.fail("%%langswarm\nHi")
        manager = ipython.input_transformer_manager
        ours = [*manager.cleanup_transforms, *manager.token_transformers, *ipython.configurables]
        ours += [*ipython.Completer.custom_matchers, *ipython.events.callbacks["post_run_cell"]]
        assert not [thing for thing in ours if "langswarm" in getattr(thing, "__module__", "")]
        ipython.run_line_magic("load_ext", "langswarm_nb")
        assert shell.run("%%langswarm -q\nHi").status == "ok"


def test_loading_twice_does_nothing(shell):
    """`%load_ext` again prints nothing and keeps the magics."""
    magics = shell.magics
    langswarm_nb.load_ipython_extension(shell.ipython)
    assert shell.magics is magics


def test_a_store_that_cannot_be_read_keeps_no_magic_away(tmp_path):
    """The line says what is wrong with the store, and the magics are there."""
    file = tmp_path / "foreign.db"
    file.write_bytes(b"not a database" * 100)
    before = file.read_bytes()
    with running_shell(db_path=str(file)) as shell:
        assert "SessionStorageError" in shell.fail("%%langswarm\nHi")
        assert file.read_bytes() == before
        shell.run(f"%config LangSwarmMagics.db_path = {str(tmp_path / 'new.db')!r}")
        assert shell.run("%%langswarm -q\nHi").status == "ok"


def test_it_works_in_another_thread(shell):
    """A worker thread may run the magic; the reply is the same."""
    got = []
    thread = Thread(target=lambda: got.append(shell.ipython.run_cell_magic("langswarm", "-q", "Hi")))
    thread.start()
    thread.join()
    assert got[0].status == "ok"


def test_the_log_holds_no_words(shell, caplog):
    """What is logged at DEBUG holds no prompt, answer or key."""
    caplog.set_level(logging.DEBUG)
    shell.run("%%langswarm -q\nThe word is xylophone")
    shell.fail("%%langswarm mock:error\nThe word is xylophone")
    assert "xylophone" not in caplog.text


@pytest.mark.parametrize(
    "variable, expected",
    [
        ("GROQ_API_KEY", "GROQ_API_KEY is set: %langswarm use groq:…"),
        ("OLLAMA_HOST", "OLLAMA_HOST is set: %langswarm use ollama:…"),
        ("AZURE_OPENAI_API_KEY", "mock:echo (offline)"),  # its address is missing
        (None, "mock:echo (offline)"),
    ],
)
def test_a_key_in_the_environment_is_a_suggestion_and_no_more(monkeypatch, capsys, variable, expected):
    """The first line names a provider that could be used; nothing is switched, and no key is shown."""
    if variable:
        monkeypatch.setenv(variable, "gsk-canary-0123456789")
    with running_shell() as shell:
        assert shell.run("%langswarm use") == "mock:echo"
        shell.ipython.run_line_magic("reload_ext", "langswarm_nb")
        line = capsys.readouterr().out
    assert expected in line
    assert "canary" not in line


def test_a_model_that_a_service_does_not_know_names_the_nearest(shell):
    """The service's own list is asked for the model that may have been meant."""

    class Strict(MockProviderSession):
        name = "groq"

        async def list_models(self):
            return [ModelInfo("large-2"), ModelInfo("small-2")]

    unknown = ProviderNotFoundError("There is no model 'lagre-2'.", status=404)
    shell.workspace.manager.add_provider_session("groq", Strict(replies=[unknown]))
    assert "Did you mean groq:large-2?" in shell.fail("%%langswarm -m groq:lagre-2\nHi")


@pytest.mark.parametrize(
    "code, status",
    [("%%langswarm", "incomplete"), ("%%langswarm\nHi", "incomplete"), ("%%langswarm\nHi\n\n", "complete")],
)
def test_enter_goes_on_to_the_next_line_at_a_prompt(shell, code, status):
    """A terminal and a console run the cell after a blank line, as they do with every cell magic."""
    assert shell.ipython.check_complete(code)[0] == status


def test_help_of_the_magic_is_its_parsers(shell):
    """`%%langswarm?` shows the flags and the commands."""
    text = shell.ipython.object_inspect("%%langswarm")["docstring"]
    assert "--dry-run" in text
    assert "archive [NAME]" in text


def test_the_magics_are_functions_too(shell):
    """`ls.ask` and `ls.session` do in Python what the magics do in a line."""
    shell["x"] = 5
    reply = shell.run(
        "import langswarm_nb as ls\n"
        "ls.ask('Is it {{ x }}?', show=False, temperature=0, options={'flavour': 'a'})"
    )
    assert reply.question.content == "Is it 5?"
    assert dict(last_request(shell).options) == {"temperature": 0, "flavour": "a"}
    assert shell.run("ls.session()").session_id == reply.session.session_id
    assert [r.model for r in shell.run("ls.ask('Both?', 'mock:echo', 'mock:script', show=False)")] == [
        "mock:echo",
        "mock:script",
    ]
    assert "'nope'" in shell.fail("ls.session('nope')")
    assert "'y' is not defined" in shell.fail("ls.ask('{{ y }}')")


def test_the_functions_load_the_magics():
    """`ls.ask` works before `%load_ext`; where no notebook runs the error says what to use."""
    with running_shell(store="memory") as shell:
        shell.ipython.run_line_magic("unload_ext", "langswarm_nb")
        assert shell.run("import langswarm_nb as ls\nls.ask('Hi', show=False)").status == "ok"
    with pytest.raises(SessionValueError, match="create_session_manager"):
        langswarm_nb.session()
