"""`%langswarm …`: every command, in a shell of this process."""

from __future__ import annotations

import contextlib
import getpass
import io
import json
import re
import stat
import sys
import types

import pytest
from IPython.core.error import StdinNotImplementedError

from langswarm_nb.notebook.commands import COMMANDS, model_lists
from tests.support.shells import Shell, running_shell


@pytest.fixture
def shell():
    """Return a shell with the extension, offline, on a store of its own."""
    with running_shell(session="default") as shell:
        yield shell


def ask(shell: Shell, *prompts: str) -> None:
    for prompt in prompts:
        shell.run(f"%%langswarm -q\n{prompt}")


def asked(shell: Shell) -> list[str]:
    shell.run("%langswarm df messages frame <<")
    frame = shell["frame"]
    return list(frame.content[frame.role == "user"])


def test_status_tells_where_things_stand(shell):
    """No command is the status: session, model, branch, turns, store."""
    ask(shell, "One")
    status = shell.run("%langswarm")
    assert (status["session"], status["model"], status["branch"], status["turns"]) == (
        "default", "mock:echo", "main", 1,
    )  # fmt: skip
    assert "sessions.db" in repr(status)
    assert shell.run("%langswarm status") == status


@pytest.mark.parametrize("flag", ["--help", "-h"])
@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help_is_also_a_flag(shell, name, flag):
    """`COMMAND --help` is `help COMMAND`, for those that take a text too; nothing is run or sent."""
    assert shell.try_(f"%langswarm {name} {flag}").stdout == shell.try_(f"%langswarm help {name}").stdout
    assert shell.run("%langswarm")["turns"] == 0


def test_help_of_a_cell_is_also_a_flag(shell):
    """`%%langswarm --help` shows the help, whatever stands below it."""
    text = shell.try_("%langswarm help").stdout
    assert shell.try_("%%langswarm --help\nHello").stdout == text
    assert shell.try_("%%langswarm -h\nHello").stdout == text


@pytest.mark.parametrize(
    "line, missing",
    [("key", "PROVIDER"), ("df", "messages|turns|sessions|attachments|events|metrics"), ("delete", "NAME")],
)
def test_what_is_missing_is_named_as_the_help_names_it(shell, line, missing):
    """Of arguments that may be left out, none is asked for."""
    complaint = shell.try_(f"%langswarm {line}").complaint
    assert f"the following arguments are required: {missing}. " in complaint


def test_empty_results_are_sentences(shell):
    """A comparison or a sum of nothing says so, and is a frame all the same."""
    for line, words in {"compare": "No comparisons in this session yet", "cost": "No requests yet"}.items():
        frame = shell.run(f"%langswarm {line}")
        assert repr(frame).startswith(words)
        assert words in frame._repr_html_()
        assert len(frame) == 0


def test_a_terminal_shows_the_conversation_of_a_panel_once(shell):
    """A panel needs a page: later turns are not printed again into the cells that ask them."""
    ask(shell, "One")
    shown = shell.try_("%langswarm chat\n").stdout
    panel = shell.run("%langswarm chat")
    with contextlib.redirect_stdout(out := io.StringIO()):
        panel._ipython_display_()
    assert "The panel needs a notebook" in out.getvalue()
    assert "You · 0.1: One" in out.getvalue() + shown
    assert "0.1: One" not in shell.try_("%%langswarm\nTwo").stdout
    panel.close()


def test_help_lists_every_command_and_flag(shell):
    """The help is made from the parsers, and `%%langswarm?` shows the same text."""
    text = shell.try_("%langswarm help").stdout
    for name, command in COMMANDS.items():
        assert f"  {name}" in text
        assert command.help in " ".join(text.split())
        assert shell.try_(f"%langswarm help {name}").stdout.startswith(f"%langswarm {name}")
    assert text.strip() in shell.magics.magics["cell"]["langswarm"].__doc__
    assert "did you mean fork?" in shell.fail("%langswarm help frok")


def test_an_unknown_command_names_the_nearest(shell):
    """A typing mistake costs one look, and a prompt on the line is told where it belongs."""
    assert "unknown command 'sesions', did you mean sessions?" in shell.fail("%langswarm sesions")
    assert "%langswarm ask" in shell.fail("%langswarm What is this")


def test_version_is_the_packages(shell):
    """`version` tells `langswarm_nb.__version__`."""
    assert re.fullmatch(r"\d+\.\d+\.\d+", shell.run("%langswarm version"))


def test_use_sets_the_model_of_the_session(shell):
    """`use` answers with the full name, checks it, and lasts with the session."""
    assert shell.run("%langswarm use") == "mock:echo"
    assert shell.run("%langswarm use mock:script") == "mock:script"
    assert shell.run("%%langswarm -q\nHi").model == "mock:script"
    assert "did you mean openai?" in shell.fail("%langswarm use opnai:gpt-9")
    assert "OPENAI_API_KEY" in shell.fail("%langswarm use openai:gpt-9")
    assert shell.run("%langswarm use") == "mock:script"


def test_models_lists_what_a_provider_offers(shell):
    """`models` lists, `-q` filters, an unknown provider names the nearest."""
    assert [row["model"] for row in shell.run("%langswarm models -q slow")] == ["mock:slow"]
    assert len(shell.run("%langswarm models mock")) == 4
    assert "did you mean mock?" in shell.fail("%langswarm models mok")


def test_an_alias_is_kept_beside_the_store(shell):
    """An alias works wherever a model does, also in the next kernel, and can be taken away."""
    assert shell.run("%langswarm alias quick mock:script") == "mock:script"
    assert shell.run("%%langswarm quick -q\nHi").model == "mock:script"
    with running_shell() as other:
        assert [dict(row) for row in other.run("%langswarm alias")] == [
            {"alias": "quick", "model": "mock:script"}
        ]
        other.run("%langswarm alias quick -d")
        assert "no alias 'quick'" in other.fail("%langswarm alias quick")
    for name in ("mock", "v1", "a:b"):
        assert "cannot be an alias" in shell.fail(f"%langswarm alias {name} mock:echo")


def test_a_key_is_asked_for_and_never_shown(shell, monkeypatch):
    """`key` asks without echo; the key is in no result, output or variable, and the provider works with it."""
    secret = "sk-canary-0123456789abcdef"
    monkeypatch.setattr(getpass, "getpass", lambda _prompt: secret)
    ran = shell.try_("%langswarm key groq")
    assert ran.error is None
    assert "memory of this kernel" in ran.result
    assert shell.run("%langswarm use groq:some-model") == "groq:some-model"
    seen = [
        ran.stdout,
        ran.stderr,
        repr(ran.result),
        repr(shell.run("%langswarm doctor")),
        str(shell.ipython.user_ns),
    ]
    assert not [text for text in seen if "canary" in text]
    monkeypatch.setattr(getpass, "getpass", lambda _prompt: " ")
    assert "No key was given" in shell.fail("%langswarm key groq")


@pytest.mark.parametrize(
    "code",
    [
        "%langswarm key groq sk-canary0123456789abcdef",
        "%langswarm use mock:echo sk-canary0123456789abcdef",
        "%%langswarm -o api_key sk-canary0123456789abcdef\nHello",
        "%%langswarm -t sk-canary0123456789abcdef\nHello",
        "%%langswarm sk-canary0123456789abcdef\nHello",
    ],
)
def test_a_key_in_the_wrong_place_is_refused_without_being_shown(shell, code):
    """A key that is typed where none belongs is in no message and not in the store."""
    ran = shell.try_(code)
    assert ran.error is not None
    assert "canary" not in ran.complaint + ran.stdout + ran.stderr
    assert shell.run("%langswarm sql select * from messages").empty


@pytest.mark.parametrize("refusal", [StdinNotImplementedError("no input requests"), EOFError()], ids=repr)
def test_a_notebook_without_input_says_how_else_a_key_is_given(shell, monkeypatch, refusal):
    """Where nobody can be asked, as in nbclient or without a terminal, `key` names the way by the environment."""

    def refuse(_prompt: str) -> str:
        raise refusal

    monkeypatch.setattr(getpass, "getpass", refuse)
    assert "environment before the kernel starts" in shell.fail("%langswarm key groq")


@pytest.mark.parametrize("has_prices", [True, False])
def test_models_says_where_context_sizes_and_prices_come_from(shell, monkeypatch, has_prices):
    """Without the price table a line below the list, in a page as in a terminal, names the extra that has it."""
    monkeypatch.setattr(model_lists, "find_spec", lambda _name: object() if has_prices else None)
    listed = shell.run("%langswarm models")
    for text in (repr(listed), listed._html()):
        assert ("langswarm-nb[cost]" in text) is not has_prices


def test_a_key_goes_to_the_keyring_when_there_is_one(shell, monkeypatch):
    """With the package keyring the key is kept by the system and found by the next kernel."""
    kept: dict[tuple[str, str], str] = {}
    ring = types.ModuleType("keyring")
    ring.__spec__ = types.SimpleNamespace()  # type: ignore[assignment]
    ring.set_password = lambda service, name, key: kept.update({(service, name): key})  # type: ignore[attr-defined]
    ring.get_password = lambda service, name: kept.get((service, name))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "keyring", ring)
    monkeypatch.setattr(getpass, "getpass", lambda _prompt: "gsk-0123456789abcdef0123")
    assert "keyring of this system" in shell.run("%langswarm key groq")
    with running_shell() as other:
        assert other.run("%langswarm use groq:some-model") == "groq:some-model"


def test_sessions_are_made_found_and_left(shell):
    """`new`, `sessions`, `switch`, `rename`, `archive`, `unarchive` do what they say, and the list shows it."""
    ask(shell, "Hi")
    assert shell.run("%langswarm new work") == "work"
    assert [row["session"] for row in shell.run("%langswarm sessions")] == ["work", "default"]
    assert [row["session"] for row in shell.run("%langswarm sessions -q DEF")] == ["default"]
    assert len(shell.run("%langswarm sessions -n 1")) == 1
    assert len(shell.run("%langswarm sessions -n 0")) == 2
    assert repr(shell.run("%langswarm sessions -q nowhere")) == "No session has 'nowhere' in its name."
    assert shell.run("%langswarm switch default") == "default"
    assert "did you mean work?" in shell.fail("%langswarm switch wrok")
    assert shell.run("%langswarm rename main-talk") == "main-talk"
    assert "archived" in shell.run("%langswarm archive main-talk")
    assert [row["session"] for row in shell.run("%langswarm sessions")] == ["work"]
    assert shell.run("%langswarm unarchive main-talk") == "main-talk is back"
    assert shell.run("%langswarm switch main-talk") == "main-talk"


def test_the_list_says_what_sessions_are_about():
    """Where a label is only where or when it was; a name that somebody gave stands for itself."""
    with running_shell() as shell:
        ask(shell, "Why is the sky blue? I wonder.")
        shell.run("%langswarm new physics")
        ask(shell, "Why is grass green?")
        named, unnamed = shell.run("%langswarm sessions")
        assert (named["session"], named["about"]) == ("physics", "")
        assert unnamed["about"] == "Why is the sky blue?"
        frame = shell.run("import langswarm_nb as ls\nls.sessions_df(all=True)")
        assert dict(zip(frame["title"], frame["about"].fillna(""), strict=True)) == {
            "physics": "",
            unnamed["session"]: "Why is the sky blue?",
        }


def test_no_two_sessions_get_one_name(shell):
    """`rename` refuses what another session is called, in the panel's words; its own name is no other's."""
    shell.run("%langswarm new taken")
    shell.run("%langswarm new free")
    assert "There is a session 'taken' already" in shell.fail("%langswarm rename taken")
    assert shell.run("%langswarm rename free") == "free"
    assert [row["session"] for row in shell.run("%langswarm sessions")] == ["free", "taken"]


def test_a_session_started_anew_keeps_the_old_one(shell):
    """`new NAME` twice: the name is the new session's, and the old one keeps its messages."""
    shell.run("%langswarm new work")
    ask(shell, "Old")
    shell.run("%langswarm new work")
    new, old = shell.run("%langswarm sessions")
    assert (new["session"], new["messages"], old["messages"]) == ("work", 0, 2)
    assert re.fullmatch(r"work \(\d{4}-\d\d-\d\d, \d\d:\d\d\)", old["session"])


def test_delete_asks_first_and_then_really_deletes(shell):
    """Without `--yes` nothing happens; with it the text is gone from the file."""
    ask(shell, "Only here: quetzalcoatl")
    assert "--yes" in shell.fail("%langswarm delete default")
    assert len(shell.run("%langswarm search quetzalcoatl")) == 2
    assert "is deleted" in shell.run("%langswarm delete default --yes")
    assert len(shell.run("%langswarm search quetzalcoatl")) == 0
    file = shell.workspace.manager.storage.db_path
    assert b"quetzalcoatl" not in b"".join(p.read_bytes() for p in file.parent.iterdir())


def test_show_tells_the_conversation(shell):
    """`show` shows the active path, `-n` its end, a name another session."""
    ask(shell, "One", "Two")
    text = repr(shell.run("%langswarm show"))
    assert text.index("One") < text.index("Two")
    assert "One" not in repr(shell.run("%langswarm show -n 2"))
    shell.run("%langswarm new other")
    assert "Two" in repr(shell.run("%langswarm show default"))


def test_search_finds_words_in_all_sessions(shell):
    """Each hit names its session and turn."""
    ask(shell, "A walrus here")
    shell.run("%langswarm new other")
    ask(shell, "No such animal")
    [answer, question] = shell.run("%langswarm search walrus")
    assert (question["session"], question["turn"], question["role"]) == ("default", "0.1", "user")
    assert "walrus" in answer["text"]


def test_branches_are_forked_listed_and_left(shell):
    """`fork`, `branches`, `branch` and `tree` move along the tree and lose nothing."""
    ask(shell, "One", "Two")
    assert shell.run("%langswarm fork 0 other") == "other"
    ask(shell, "Other two")
    assert {row["branch"]: row["turn"] for row in shell.run("%langswarm branches")} == {
        "main": "1.1",
        "other": "2.1",
    }
    tree = shell.run("%langswarm tree")
    assert tree.split("\n") == ["● 0.1 One", "├─ ○ 1.1 Two main", "└─ ● 2.1 Other two [other]"]
    assert shell.run("%langswarm branch main") == "main"
    assert asked(shell) == ["One", "Two"]
    assert shell.run("%langswarm fork") == "branch-2"
    assert shell.run("%langswarm fork 1.1 third") == "third"
    assert asked(shell) == ["One", "Two"]
    assert "9" in shell.fail("%langswarm fork 9")
    assert "other" in shell.fail("%langswarm branch othr")


def test_undo_moves_back_and_deletes_nothing(shell):
    """`undo N` goes back by turns; all messages stay stored."""
    ask(shell, "One", "Two", "Three")
    assert "2 turns undone" in shell.run("%langswarm undo 2")
    assert asked(shell) == ["One"]
    assert shell.run("%langswarm")["messages"] == "2 on this branch, 6 in all"
    assert "1 turn undone" in shell.run("%langswarm undo 5")
    assert "at least 1" in shell.fail("%langswarm undo 0")


def test_retry_makes_a_version_to_go_back_from(shell):
    """`retry` answers again with another model; `versions` lists both, `use 0.1` goes back."""
    ask(shell, "One")
    assert shell.run("%langswarm retry -m mock:script").model == "mock:script"
    versions = shell.run("%langswarm versions")
    assert [(row["version"], row["model"], row[""]) for row in versions] == [
        ("0.1", "mock:echo", ""),
        ("0.2", "mock:script", "→"),
    ]
    assert shell.run("%langswarm use 0.1") == "0.1"
    assert shell.run("%langswarm versions")[0][""] == "→"
    assert shell.run("%langswarm use 0.1") == "0.1 is already current"
    assert "it has 0.1, 0.2" in shell.fail("%langswarm use 0.3")
    assert "No turn 7" in shell.fail("%langswarm use 7.1")


def test_hide_keeps_a_turn_and_does_not_send_it(shell):
    """A hidden turn stays in the history and is not in the next request, until it is taken back."""
    ask(shell, "Secret", "Open")
    shell.run("%langswarm hide 0")
    preview = shell.run("%%langswarm --dry-run\nNext")
    assert [m.content for m in preview.messages if m.role == "user"] == ["Open", "Next"]
    assert "hidden from the model" in repr(shell.run("%langswarm show"))
    shell.run("%langswarm hide 0 --undo")
    preview = shell.run("%%langswarm --dry-run\nNext")
    assert [m.content for m in preview.messages if m.role == "user"] == ["Secret", "Open", "Next"]
    assert "no turn 7" in shell.fail("%langswarm hide 7")


def test_ask_takes_the_line_as_it_stands(shell):
    """A line that ends in `?`, with quotes, `$` and braces, is the prompt; names are filled in."""
    shell["x"] = 5
    reply = shell.run('%langswarm ask What\'s "this" $x {x} {{ x }} --raw?')
    assert reply.question.content == 'What\'s "this" $x {x} 5 --raw?'
    assert "TEXT is missing" in shell.fail("%langswarm ask")
    shell.run('if x:\n    said = %langswarm ask What\'s "this" $x {x}?\nother = 1')
    assert shell["said"].question.content == 'What\'s "this" $x {x}?'
    assert shell["other"] == 1


def test_fix_sends_the_cell_that_failed(shell):
    """`fix` sends the code and its error, and says so when there is none."""
    assert "No cell has failed" in shell.fail("%langswarm fix")
    shell.fail("value = 1 / 0")
    reply = shell.run("%langswarm fix")
    assert "value = 1 / 0" in reply.question.content
    assert "ZeroDivisionError: division by zero" in reply.question.content


def test_insert_offers_code_as_the_next_cell(shell):
    """`insert N` puts a block of the last answer into the next cell, and runs nothing."""
    offered = []
    shell.ipython.set_next_input = lambda text, **_: offered.append(text)
    shell.run("%%langswarm -q\nEcho\n```python\none()\n```\n```\ntwo()\n```")
    shell.run("%langswarm insert")
    shell.run("%langswarm insert 2")
    assert offered == ["one()", "two()"]
    assert "there is no block 3" in shell.fail("%langswarm insert 3")


def test_frames_are_returned_or_named(shell):
    """`df KIND` returns a frame, `df KIND NAME <<` names it; an unknown kind lists those there are."""
    ask(shell, "One")
    assert len(shell.run("%langswarm df messages")) == 2
    assert len(shell.run("%langswarm df turns")) == 1
    assert len(shell.run("%langswarm df sessions")) == 1
    assert len(shell.run("%langswarm df attachments")) == 0
    assert list(shell.run("%langswarm df events").event) == ["created", "messages_sent", "messages_received"]
    assert shell.run("%langswarm df metrics").set_index("event")["count"]["messages_sent"] == 1
    assert shell.run("%langswarm df turns table <<") is None
    assert len(shell["table"]) == 1
    assert "invalid choice" in shell.fail("%langswarm df nothing")


def test_sql_reads_and_changes_nothing(shell):
    """A SELECT gives a frame; anything else is refused and the store is as before."""
    ask(shell, "One")
    frame = shell.run("%langswarm sql SELECT role, count(*) AS n FROM messages GROUP BY role")
    assert dict(zip(frame.role, frame.n, strict=True)) == {"assistant": 1, "user": 1}
    for query in (
        "DELETE FROM messages",
        "DROP TABLE messages",
        "ATTACH 'x' AS y",
        "PRAGMA user_version = 9",
    ):
        assert "only SELECT" in shell.fail(f"%langswarm sql {query}")
    assert len(shell.run("%langswarm df messages")) == 2


def test_cost_is_unknown_without_a_price(shell):
    """`cost` sums by model, day or session; an unknown price is NA and is counted."""
    ask(shell, "One", "Two")
    for by in ("model", "day", "session"):
        frame = shell.run(f"%langswarm cost --by {by}")
        assert (frame.n[0], frame.n_unpriced[0], frame.cost_usd.isna()[0]) == (2, 2, True)
    assert list(frame.session) == ["default"]


def test_an_export_comes_back_whole(shell, tmp_path):
    """`export` and `import` keep all branches, versions, hidden marks and the active path; the file is private."""
    ask(shell, "One", "Two")
    shell.run("%langswarm fork 0 other")
    ask(shell, "Three")
    shell.run("%langswarm retry")
    shell.run("%langswarm hide 0")
    file = tmp_path / "talk.jsonl"
    shell.run(f"%langswarm export {file}")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    before = repr(shell.run("%langswarm show")), shell.run("%langswarm tree")
    assert "default-2" in shell.run(f"%langswarm import {file}")
    shell.run("%langswarm switch default-2")
    after = repr(shell.run("%langswarm show")), shell.run("%langswarm tree")
    assert after[0] == before[0].replace("default", "default-2", 1)
    assert re.sub(r" (main|\[.*?\])", "", after[1]) == re.sub(r" (main|\[.*?\])", "", before[1])


def test_an_export_takes_out_secrets_unless_it_is_to_be_whole(shell, tmp_path):
    """What looks like a key is not in the file, except with `--whole`."""
    ask(shell, "My key is sk-proj-abcdefghijklmnop0123456789ABCDEFGH")
    file = tmp_path / "talk.md"
    assert "removed: 2 keys" in shell.run(f"%langswarm export {file}")
    assert "sk-proj-abc" not in file.read_text()
    shell.run(f"%langswarm export {file} --whole")
    assert "sk-proj-abc" in file.read_text()


def test_a_file_that_is_no_export_is_refused(shell, tmp_path):
    """The error is short, and no session is left behind."""
    file = tmp_path / "bad.jsonl"
    for content in (
        b"",
        b"\xff\xfe",
        b'{"a": 1}\n',
        b'{"langswarm_nb": 99, "session": {}}\n',
        b"[" * 100_000,
    ):
        file.write_bytes(content)
        assert re.match(r"Session\w+Error: ", shell.fail(f"%langswarm import {file}"))
    assert len(shell.run("%langswarm sessions")) == 0


def test_an_import_takes_no_options_from_the_file(shell, tmp_path):
    """What a file says of addresses, keys or other options reaches no provider."""
    file = tmp_path / "talk.jsonl"
    ask(shell, "One")
    shell.run(f"%langswarm export {file}")
    head, *rest = file.read_text().splitlines()
    changed = json.loads(head)
    changed["session"]["settings"]["options"] = {"base_url": "http://127.0.0.1:1", "api_key": "sk-x"}
    file.write_text("\n".join([json.dumps(changed), *rest]))
    shell.run(f"%langswarm import {file}")
    shell.run("%langswarm switch default-2")
    assert shell.run("%langswarm ask Hi").session.settings.options == {}


@pytest.mark.parametrize("ending", ["json", "md", "csv", "ipynb"])
def test_an_export_can_have_another_form(shell, tmp_path, ending):
    """The ending of the file says the form; an unknown one lists those there are."""
    ask(shell, "One")
    shell.run(f"%langswarm export {tmp_path}/talk.{ending}")
    assert "One" in (tmp_path / f"talk.{ending}").read_text()
    assert "jsonl" in shell.fail(f"%langswarm export {tmp_path}/talk.docx")


def test_the_budget_is_kept(shell):
    """`budget` tells, sets and takes away what a kernel may spend."""
    assert "spent $0.00 " in shell.run("%langswarm budget")
    assert "budget $0.5000" in shell.run("%langswarm budget 0.5")
    ask(shell, "The mock is free")
    assert "is not an amount" in shell.fail("%langswarm budget half")
    assert "budget" not in shell.run("%langswarm budget off")


def test_the_words_can_be_kept_off_the_disk(shell):
    """After `log off` the conversation goes on, sizes and usage are stored, and no word is in the file."""
    shell.run("%langswarm log off")
    ask(shell, "The word is xylophone", "Which word?")
    assert "xylophone" in repr(shell.run("%langswarm show"))
    file = shell.workspace.manager.storage.db_path
    assert b"xylophone" not in b"".join(p.read_bytes() for p in file.parent.iterdir())
    assert shell.run("%langswarm log path") == str(file)
    shell.run("%langswarm log on")
    frame = shell.run("%langswarm df turns")
    assert frame.output_tokens.gt(0).all()


def test_the_settings_are_listed_and_checked(shell):
    """`config` lists every setting; `%config` changes one and refuses what is not allowed."""
    listed = {row["setting"]: row["value"] for row in shell.run("%langswarm config")}
    assert listed["model"] == "''"
    shell.run("%config LangSwarmMagics.model = 'mock:script'")
    assert shell.run("%langswarm ask Hi").model == "mock:script"
    shell.run("%config LangSwarmMagics.footer = 'loud'")
    assert shell.magics.footer == "auto"


def test_doctor_tells_whether_keys_are_there_and_not_what_they_are(shell, monkeypatch):
    """`doctor` names versions, store, loop and providers, and shows no character of a key."""
    monkeypatch.setenv("GROQ_API_KEY", "gsk-canary0123456789abcdef")
    text = repr(shell.run("%langswarm doctor"))
    for word in ("IPython", "sqlite version", "provider groq", "api.groq.com", "OPENAI_API_KEY"):
        assert word in text
    assert "canary" not in text


def test_traceback_shows_the_chain_of_the_last_error(shell):
    """The short error of a cell can be looked at whole."""
    shell.fail("%%langswarm -m mock:error -o error timeout\nHi")
    text = shell.try_("%langswarm traceback").stdout
    assert text.startswith("Traceback (most recent call last)")
    assert "ProviderTimeoutError" in text


def test_a_setter_without_a_value_is_a_getter(shell):
    """`use`, `switch`, `rename`, `branch`, `budget` and `log` tell what they would set."""
    ask(shell, "One")
    said = [shell.run(f"%langswarm {name}") for name in ("use", "switch", "rename", "branch")]
    assert said == ["mock:echo", "default", "default", "main"]
