"""One way to send: each rule of a send, through every door of a notebook."""

from __future__ import annotations

import asyncio
import itertools
import math
import os
import signal
import sys
import types
from contextlib import closing
from typing import Any

import pytest

import langswarm_nb
from langswarm_nb.core.session import (
    Intake,
    ProviderServerError,
    SessionStorageError,
    create_session_manager,
)
from langswarm_nb.core.session.attachments.attaching import attach
from langswarm_nb.core.session.messages import RoleName
from langswarm_nb.core.session.parts.blobs import bytes_of
from langswarm_nb.core.session.providers.mock import MockProviderSession
from langswarm_nb.core.session.secret import Secret
from langswarm_nb.core.session.sending import checkpoint
from langswarm_nb.core.session.storage.sqlite import SQLiteSessionStorage
from langswarm_nb.notebook.bridge import run_sync, submit
from langswarm_nb.notebook.panel.actions import ACTIONS
from langswarm_nb.notebook.panel.rules import WorkspaceRules
from langswarm_nb.notebook.panel.widget import ChatPanel
from langswarm_nb.notebook.workspace import keys as workspace_keys
from tests.support.pictures import png
from tests.support.sent import Notebook, Sent, Service
from tests.support.storages import answer, question
from tests.support.waits import PATIENCE_S

MODEL = "groq:house"
KEY = "sk-canary0123456789abcdef"
LONG = "x" * 400
EXPENSIVE = 1_000_000.0


# The doors: each asks one question, of another model when it is told one.


class Door:
    """A way to send."""

    def prepare(self, notebook: Notebook, model: str = MODEL) -> None:
        """Have a conversation of two turns, the first of them long."""
        notebook.run(f"%langswarm use {model}", "use")
        for n, text in enumerate((LONG, "Before")):
            assert not notebook.cell(f"%%langswarm -q\n{text}", f"before-{n}").error

    def send(self, notebook: Notebook, model: str | None = None) -> Sent:
        raise NotImplementedError


class CellDoor(Door):
    def send(self, notebook: Notebook, model: str | None = None) -> Sent:
        return notebook.cell(f"%%langswarm {model or ''} -q\nHi")


class AskDoor(Door):
    def send(self, notebook: Notebook, model: str | None = None) -> Sent:
        if model is not None:
            notebook.run(f"%langswarm use {model}", "use")
        return notebook.cell("%langswarm ask Hi")


class FunctionDoor(Door):
    def send(self, notebook: Notebook, model: str | None = None) -> Sent:
        models = "" if model is None else f", {model!r}"
        return notebook.cell(f"import langswarm_nb as ls\nls.ask('Hi'{models}, show=False)")


class RetryDoor(Door):
    def send(self, notebook: Notebook, model: str | None = None) -> Sent:
        return notebook.cell(f"%langswarm retry {'' if model is None else f'-m {model}'}")


class ReplyDoor(Door):
    def prepare(self, notebook: Notebook, model: str = MODEL) -> None:
        super().prepare(notebook, model)
        notebook.run("reply = _", "reply")

    def send(self, notebook: Notebook, model: str | None = None) -> Sent:
        ask = f"run_sync(reply.retry(model={model!r}))"
        return notebook.cell(f"from langswarm_nb.notebook.bridge import run_sync\n{ask}")


class PanelSend(Door):
    def send(self, notebook: Notebook, model: str | None = None) -> Sent:
        return notebook.panel("send", model, text="Hi")


class PanelEdit(Door):
    def send(self, notebook: Notebook, model: str | None = None) -> Sent:
        return notebook.panel("edit", model, text="Hi", id=_last(notebook, "user"))


class PanelRegenerate(Door):
    def send(self, notebook: Notebook, model: str | None = None) -> Sent:
        return notebook.panel(
            "regenerate", id=_last(notebook, "assistant"), **({} if model is None else {"model": model})
        )


class ComparisonDoor(Door):
    def send(self, notebook: Notebook, model: str | None = None) -> Sent:
        return notebook.cell(f"%%langswarm -m {model or MODEL} -m groq:other -q\nHi")


class ComparisonAgain(Door):
    def prepare(self, notebook: Notebook, model: str = MODEL) -> None:
        notebook.run(f"%langswarm use {model}", "use")
        assert not notebook.cell(f"%%langswarm -q\n{LONG}", "before-0").error
        compared = f"-m {MODEL} -m groq:other" if model == MODEL else "-m mock:echo -m mock:script"
        assert not notebook.cell(f"%%langswarm {compared} -q\nBefore", "before-1").error

    def send(self, notebook: Notebook, model: str | None = None) -> Sent:
        return notebook.cell(f"%langswarm retry {'' if model is None else f'-m {model}'}")


def _last(notebook: Notebook, role: RoleName) -> str:
    session = run_sync(notebook.shell.workspace.current())
    return run_sync(session.get_messages(role=role))[-1].id


DOORS: dict[str, Door] = {
    "cell": CellDoor(),
    "ask": AskDoor(),
    "ls.ask": FunctionDoor(),
    "retry": RetryDoor(),
    "Reply.retry": ReplyDoor(),
    "panel send": PanelSend(),
    "panel edit": PanelEdit(),
    "panel regenerate": PanelRegenerate(),
    "comparison": ComparisonDoor(),
    "comparison again": ComparisonAgain(),
}
THAT_OPEN = ("cell", "ask", "ls.ask", "comparison")
"""Those through which the first question of a session can come."""
every_door = pytest.mark.parametrize("door", DOORS.values(), ids=DOORS.keys())


def price(usd_per_mtok: float) -> None:
    """Give the models of the service a price."""
    for model in ("house", "other"):
        langswarm_nb.set_price(model, usd_per_mtok, usd_per_mtok, provider="groq")


# Settings


@every_door
def test_settings_of_the_notebook_reach_the_provider(notebook, door):
    """`timeout_s`, `retries` and `max_context_tokens` of the settings hold; what a limit leaves out is told."""
    door.prepare(notebook)
    magics = notebook.shell.magics
    magics.timeout_s, magics.retries, magics.max_context_tokens = 7.0, 0, 100
    before = len(notebook.service.requests)
    came = door.send(notebook)
    requests = list(notebook.service.requests)[before:]
    assert requests
    for request in requests:
        assert (request.timeout_s, request.retries) == (7.0, 0)
        assert not [message for message in request.messages if LONG in message.content]
    assert came.error == ""
    assert "1 earlier turn left out" in came.told


@every_door
def test_what_a_session_was_told_comes_before_the_settings_of_the_notebook(notebook, door):
    """Also where it was told what is so by default: 600 seconds, 2 retries, no limit of tokens."""
    door.prepare(notebook)
    session = run_sync(notebook.shell.workspace.current())
    run_sync(session.update_settings(timeout_s=600.0, retries=2, max_context_tokens=None, temperature=None))
    magics = notebook.shell.magics
    magics.timeout_s, magics.retries, magics.max_context_tokens = 7.0, 0, 100
    before = len(notebook.service.requests)
    came = door.send(notebook)
    assert came.error == ""
    assert "left out" not in came.told
    requests = list(notebook.service.requests)[before:]
    assert {(request.timeout_s, request.retries) for request in requests} == {(600.0, 2)}


@every_door
def test_a_limit_may_refuse(notebook, door):
    """With `trim = "error"` what is too long is refused, and leaves no trace."""
    door.prepare(notebook)
    notebook.shell.magics.max_context_tokens, notebook.shell.magics.trim = 100, "error"
    before = notebook.trace()
    assert "ContextLengthError" in door.send(notebook).error
    assert notebook.trace() == before


# Who is asked, with which key, and where that is


@every_door
def test_a_model_may_be_meant_by_an_alias(notebook, door):
    """An alias names a model wherever one is named."""
    door.prepare(notebook, "mock:echo")
    notebook.run(f"%langswarm alias quick {MODEL}", "alias")
    came = door.send(notebook, "quick")
    assert came.error == ""
    assert [request.model for request in notebook.service.requests][:1] == ["house"]
    assert came.replies[0].request.model_id == MODEL


@every_door
def test_a_key_may_be_in_the_keyring(notebook, door, monkeypatch):
    """The key in the system's keyring is found without being asked for."""
    ring: Any = types.ModuleType("keyring")
    ring.__spec__ = types.SimpleNamespace()
    ring.get_password = lambda _service, name: KEY if name == "openai" else None
    monkeypatch.setitem(sys.modules, "keyring", ring)
    door.prepare(notebook, "mock:echo")
    keys: list[str] = []

    def created(_provider: str, key: Secret) -> Service:
        keys.append(key.reveal())
        return Service(replies=["An answer."] * 9)

    monkeypatch.setattr(workspace_keys, "create_provider", created)
    came = door.send(notebook, "openai:some-model")
    assert came.error == ""
    assert keys == [KEY]
    assert KEY not in came.told


@every_door
def test_a_key_that_is_missing_is_named_before_anything_is_stored(notebook, door):
    """Without a key nothing is stored or sent; the error says which variable is missing."""
    door.prepare(notebook, "mock:echo")
    session = run_sync(notebook.shell.workspace.current())
    run_sync(session.update_settings(model="mistral:some-model"))
    before = notebook.trace()
    if isinstance(door, (AskDoor, PanelSend, PanelEdit)):  # they take the session's model
        came = door.send(notebook)
    else:
        came = door.send(notebook, "mistral:some-model")
    assert "MISTRAL_API_KEY" in came.error
    assert notebook.trace() == before


@every_door
def test_where_prompts_go_is_told_once(notebook, door):
    """The first prompt that leaves this machine says where it goes; no later one does."""
    door.prepare(notebook, "mock:echo")
    assert "leave this machine for https://api.far" in door.send(notebook, MODEL).told
    assert "leave this machine" not in door.send(notebook, MODEL).told


def test_where_prompts_go_is_told_when_they_go(notebook):
    """A comparison that is refused for a missing key has told nothing yet."""
    assert "MISTRAL_API_KEY" in notebook.cell(f"%%langswarm -m {MODEL} -m mistral:x\nHi").error
    assert "leave this machine" in notebook.cell(f"%%langswarm -m {MODEL} -q\nHi").told


# What goes with it


CARRY = (CellDoor, FunctionDoor, ComparisonDoor)
"""Doors that take more than a text."""
CARRYING = {name: door for name, door in DOORS.items() if name not in ("ask", "panel send")}


def _with_it(notebook: Notebook, door: Door) -> Sent:
    """Send through a door with a picture and a tool."""
    notebook.shell["picture"] = png()
    if isinstance(door, FunctionDoor):
        return notebook.cell(
            "import langswarm_nb as ls\nls.ask('Hi', attachments=[picture], tools=['web_search'], show=False)",
            "with",
        )
    models = f"-m {MODEL} -m groq:other" if isinstance(door, ComparisonDoor) else ""
    return notebook.cell(f"%%langswarm {models} -q -a {{{{ picture }}}} -T web_search\nHi", "with")


def _prepare_with_it(notebook: Notebook, door: Door) -> None:
    """Have a conversation whose last question, which a door may ask again, has a picture and a tool."""
    door.prepare(notebook)
    if not isinstance(door, CARRY):
        first = ComparisonDoor() if isinstance(door, ComparisonAgain) else CellDoor()
        assert not _with_it(notebook, first).error
        if isinstance(door, ReplyDoor):
            notebook.run("reply = _", "reply")


def _send_with_it(notebook: Notebook, door: Door) -> Sent:
    return _with_it(notebook, door) if isinstance(door, CARRY) else door.send(notebook)


@pytest.mark.parametrize("door", CARRYING.values(), ids=CARRYING.keys())
def test_what_is_refused_is_not_told_to_leave(notebook, door):
    """A model that does not take the picture is sent nothing, and nothing is said to go; the next prompt does."""
    _prepare_with_it(notebook, door)
    notebook.shell.workspace.announced.clear()
    takes_nothing = Intake(media_types=(), tools=("web_search",))
    notebook.service.takes, taken = takes_nothing, notebook.service.takes
    before = len(notebook.service.requests)
    came = _send_with_it(notebook, door)
    assert "does not take image/png" in came.error
    assert "leave this machine" not in came.told
    assert len(notebook.service.requests) == before
    notebook.service.takes = taken
    assert "leave this machine" in _send_with_it(notebook, door).told


@pytest.mark.parametrize("door", CARRYING.values(), ids=CARRYING.keys())
def test_what_a_question_carries_goes_with_it(notebook, door):
    """Attachments and tools reach the provider, also where the question is asked again, or edited."""
    _prepare_with_it(notebook, door)
    before = len(notebook.service.requests)
    came = _send_with_it(notebook, door)
    assert came.error == ""
    requests = list(notebook.service.requests)[before:]
    assert requests
    for request in requests:
        [carried] = request.messages[-1].attachments
        assert bytes_of(carried["data"]) == png()
        assert request.tools == ("web_search",)
    session = run_sync(notebook.shell.workspace.current())
    asked = [m for m in run_sync(session.get_messages(branch="all")) if m.role == "user"]
    assert [part["blob"] for part in asked[-1].attachments] == [attach(png()).hash]


@pytest.mark.parametrize("door", ["cell", "ls.ask", "comparison"])
@pytest.mark.parametrize(
    "what", ["nope.png", "http://example.com/a.png", "https://10.0.0.1/a.png", "broken.png"]
)
def test_what_cannot_be_attached_leaves_no_trace(notebook, door, what, tmp_path, monkeypatch):
    """One line; nothing is stored, sent or counted, and no session is made for it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.png").write_bytes(png()[:-5])
    DOORS[door].prepare(notebook)
    before = notebook.trace()
    if door == "ls.ask":
        code = f"import langswarm_nb as ls\nls.ask('Hi', session='other', attachment={what!r})"
    else:
        more = f"-m {MODEL} -m groq:other" if door == "comparison" else ""
        code = f"%%langswarm -S other {more} -a {what}\nHi"
    ran = notebook.run(code, "z")
    assert ran.complaint.startswith("AttachmentError: ")
    assert len(ran.error._render_traceback_()) == 1
    assert notebook.trace() == before


@pytest.mark.parametrize("door", [name for name in DOORS if not name.startswith("comparison")])
def test_a_picture_counts_for_a_budget(notebook, door):
    """About a thousand tokens, wherever it stands in what is sent."""
    DOORS[door].prepare(notebook)
    price(1000.0)  # a dollar for a thousand tokens
    assert not _with_it(notebook, CellDoor()).error
    if door == "Reply.retry":
        notebook.run("reply = _", "reply")
    notebook.shell.magics.budget_usd = notebook.shell.workspace.spent_usd + 1.0
    before = notebook.trace()
    assert "the budget leaves $1.00" in DOORS[door].send(notebook).error
    assert notebook.trace() == before


@pytest.mark.parametrize("is_again", [False, True], ids=["cell", "retry"])
def test_a_schema_counts_for_a_budget(notebook, is_again):
    """It goes beside the messages, and may be longer than they are."""
    notebook.shell.magics.model = MODEL
    price(1000.0)  # a dollar for a thousand tokens
    about = "{'type': 'object', 'properties': {'n': {'type': 'integer'}}, 'description': 'long ' * 1000}"
    notebook.run(f"about = {about}", "about")
    asks = "%%langswarm --schema {{about}}\nHi"
    if is_again:
        notebook.run(asks, "z")
        notebook.shell.magics.budget_usd = notebook.shell.workspace.spent_usd + 1.0
        before = notebook.trace()
        ran = notebook.run("%langswarm retry", "again")
    else:
        notebook.shell.magics.budget_usd = 1.0
        assert not notebook.run("%%langswarm\nHi", "y").error
        before = notebook.trace()
        ran = notebook.run(asks, "z")
    assert "the budget leaves" in ran.complaint
    assert notebook.trace() == before


# The budget before


@pytest.mark.parametrize("budget_usd", [1.0, math.nan])
@every_door
def test_a_budget_refuses_without_a_trace(notebook, door, budget_usd):
    """What would cost more than is left is not stored, not sent, not counted, and no later ask is another for it."""
    door.prepare(notebook)
    price(EXPENSIVE)
    notebook.shell.magics.budget_usd = budget_usd
    before = notebook.trace()
    assert "the budget leaves" in door.send(notebook).error
    assert notebook.trace() == before


@every_door
def test_a_price_that_is_not_known_is_in_no_budget(notebook, door):
    """Where a limit holds, a model without a price is not asked."""
    door.prepare(notebook, "mock:echo")
    notebook.shell.magics.budget_usd = 1.0
    assert "is not known" in door.send(notebook, "groq:unpriced").error
    assert not notebook.service.requests


@pytest.mark.parametrize("door", THAT_OPEN)
def test_a_budget_refuses_before_a_session_is_made(notebook, door):
    """A refused first question leaves no session."""
    notebook.shell.magics.model, notebook.shell.magics.budget_usd = MODEL, 1.0
    price(EXPENSIVE)
    assert "the budget leaves" in DOORS[door].send(notebook).error
    assert notebook.trace()[0] == []


OPENING = {
    "current": "",
    "another": "-S other",
    "one to stay in": "-S other --stay",
    "a new one": "--new other",
}


@pytest.mark.parametrize("refused", ["-o temperature hot", "--max-tokens -5", "--timeout -1", "-o seed x"])
@pytest.mark.parametrize("opening", OPENING.values(), ids=OPENING)
@pytest.mark.parametrize("models", [f"-m {MODEL}", f"-m {MODEL} -m groq:b"], ids=["one", "two"])
def test_a_setting_that_is_not_allowed_refuses_without_a_trace(notebook, opening, models, refused):
    """No session is made for it, none gets another name or becomes the current one, and nothing is told to be sent."""
    notebook.cell("%%langswarm -S other -q\nHi", "a")
    before, current = notebook.trace(), notebook.shell.workspace.session_name
    came = notebook.cell(f"%%langswarm {models} {opening} {refused}\nHi", "b")
    assert came.error.startswith(("SessionTypeError", "SessionValueError"))
    assert "leave this machine" not in came.told
    assert notebook.trace() == before
    assert notebook.shell.workspace.session_name == current


@pytest.mark.parametrize("door", THAT_OPEN)
def test_a_cell_that_was_refused_goes_on_where_it_was(notebook, door):
    """After a refusal and a dry run the cell makes the next version of its turn, as if neither had been."""
    DOORS[door].prepare(notebook)
    [first, *_] = DOORS[door].send(notebook).replies
    price(EXPENSIVE)
    notebook.shell.magics.budget_usd = 1.0
    assert "the budget leaves" in DOORS[door].send(notebook).error
    notebook.cell("%%langswarm --dry-run\nHi")
    notebook.shell.magics.budget_usd = None
    [again, *_] = DOORS[door].send(notebook).replies
    assert (first.address, again.turn) == ("2.1", 2)
    assert again.version == first.version + (2 if door == "comparison" else 1)


def test_a_dry_run_changes_nothing(notebook):
    """Planning leaves the store, the memory of the kernel and what is told of a service as they were."""
    DOORS["cell"].prepare(notebook)
    before = notebook.trace()
    for flags in (
        "",
        "-s Brief",
        "--no-history",
        "--new other",
        "-S other",
        "-m groq:a -m groq:b",
        "--from 0",
    ):
        assert notebook.run(f"%%langswarm --dry-run {flags}\nBefore", "before-1").error is None
    assert notebook.trace() == before
    assert notebook.cell("%%langswarm -q\nBefore", "before-1").replies[0].address == "1.2"


# What is counted, and told, after


@every_door
def test_what_was_spent_is_counted(notebook, door):
    """Each answer is counted once."""
    door.prepare(notebook)
    price(1.0)
    before = notebook.shell.workspace.spent_usd
    replies = door.send(notebook).replies
    costs = [reply.usage.total_tokens / 1e6 for reply in replies]
    assert notebook.shell.workspace.spent_usd - before == pytest.approx(sum(costs))
    assert sum(costs) > 0


@every_door
def test_what_failed_after_some_text_is_counted(notebook, door):
    """The part of an answer that came was paid for."""
    door.prepare(notebook)
    failure = ProviderServerError("The service failed. Send again.")
    notebook.answers(["Some of it", failure], ["Some of it", failure])
    price(1.0)
    before = notebook.shell.workspace.spent_usd
    assert "The service failed" in door.send(notebook).error
    assert notebook.shell.workspace.spent_usd > before


@every_door
def test_what_was_stopped_is_counted(notebook, door):
    """A reply that the user stopped counts as far as it came."""
    door.prepare(notebook)
    notebook.answers(_interrupting, " ".join(["word"] * 10_000), delay_s=0.02)
    price(1.0)
    before = notebook.shell.workspace.spent_usd
    if isinstance(door, (PanelSend, PanelEdit, PanelRegenerate)):
        notebook.answers(["Some of it", asyncio.CancelledError()])
    door.send(notebook)
    stored = run_sync(run_sync(notebook.shell.workspace.current()).get_messages(branch="all"))
    assert stored[-1].request.status == "stopped"
    assert notebook.shell.workspace.spent_usd > before


@every_door
def test_what_came_and_cannot_be_stored_is_kept(notebook, door, monkeypatch):
    """It is counted, and the next message of any door stores it first, under its own question."""
    door.prepare(notebook)
    price(1.0)
    workspace = notebook.shell.workspace
    session, storage, before = run_sync(workspace.current()), workspace.manager.storage, workspace.spent_usd
    append = storage.append_messages

    async def full(session_id: str, messages: Any, **place: Any) -> Any:
        if any(message.request is not None for message in messages):
            raise SessionStorageError("The disk is full.")
        return await append(session_id, messages, **place)

    monkeypatch.setattr(storage, "append_messages", full)
    notebook.answers(*["Paid."] * 9)
    door.send(notebook)
    late = session.unstored_replies
    assert {reply.content for reply in late} == {"Paid."}
    assert workspace.spent_usd > before
    monkeypatch.undo()
    assert not notebook.cell("%%langswarm -q\nNext", "next").error
    stored = {message.id: message for message in run_sync(session.get_messages(branch="all"))}
    assert [(stored[reply.id].parent_seq, stored[reply.id].content) for reply in late] == [
        (reply.parent_seq, "Paid.") for reply in late
    ]
    assert session.unstored_replies == []


@pytest.mark.parametrize(
    "code", ["%%langswarm\nHi", "%langswarm ask Hi", "ls.ask('Hi')", "%%langswarm -m groq:a -m groq:b\nHi"]
)
def test_a_cell_shows_what_came_and_cannot_be_stored(notebook, code, monkeypatch):
    """The whole text, that it is not stored yet, and one error that says what becomes of it."""

    async def full(*_args: Any, **_place: Any) -> Any:
        monkeypatch.undo()
        raise SessionStorageError("The disk is full.")

    def fill(_request: object) -> str:
        monkeypatch.setattr(notebook.shell.workspace.manager.storage, "append_messages", full)
        return "Paid, and long"

    notebook.run("import langswarm_nb as ls\n%langswarm use groq:house", "use")
    notebook.answers(fill, "Other")
    ran = notebook.run(code, "a")
    assert "Paid, and long" in ran.stdout
    assert "not stored yet" in ran.stdout
    assert "kept in memory" in ran.stdout + ran.complaint
    assert "Traceback" not in ran.stdout + ran.stderr


def _interrupting(_request: object) -> Any:
    os.kill(os.getpid(), signal.SIGINT)
    return " ".join(["word"] * 10_000)


@every_door
def test_who_answered_what_it_cost_and_where_it_is_are_told(notebook, door):
    """Every answer has model, tokens, seconds, money and its address in one line."""
    door.prepare(notebook)
    price(1.0)
    came = door.send(notebook)
    assert came.replies
    for reply in came.replies:
        line = next(line for line in came.told.split("\n") if f"groq:{reply.request.model} · " in line)
        facts = line.split(" · ")
        assert f"turn {reply.address}" in facts
        assert {"→", "$", " s"} <= {mark for mark in ("→", "$", " s") if any(mark in fact for fact in facts)}


# Whose provider it is


def test_a_panel_on_another_store_asks_through_that_stores_providers(notebook):
    """Who opens a panel on a session of a manager of their own is answered by the providers of that manager."""
    manager = create_session_manager("memory")
    manager.add_provider_session("mock", MockProviderSession(replies=["from my own"]))
    session = run_sync(manager.create_session("me", "mock", "echo"))
    panel = ChatPanel(session, rules=WorkspaceRules(notebook.shell.workspace))
    with closing(panel):
        stream = submit(panel.rules.open_send(session, "Hi", panel.fail)).result(60)
        assert run_sync(stream.read()).content == "from my own"
    run_sync(manager.close())


# Others who use the session


THAT_WAIT = [name for name in DOORS if not name.startswith("comparison")]
"""Comparisons go beside the path: nothing they do depends on what others do."""


@pytest.mark.parametrize("door", THAT_WAIT)
def test_a_send_waits_for_the_answer_that_another_kernel_waits_for(notebook, door, monkeypatch):
    """It is sent when that answer is stored, and comes behind it: no question stands before another's answer."""
    DOORS[door].prepare(notebook)
    manager = notebook.shell.workspace.manager
    session, sent_before = run_sync(notebook.shell.workspace.current()), len(notebook.service.requests)
    theirs = SQLiteSessionStorage(manager.storage.db_path)
    [asked] = run_sync(theirs.append_messages(session.key, [question("Theirs?")], lease="theirs"))
    made = answer("Theirs!", id="theirs", request=None)
    queue = manager.storage.queue_lease
    sent_meanwhile: list[int] = []

    async def answered_meanwhile(*waiting: Any) -> bool:
        is_free: bool = await queue(*waiting)
        if not sent_meanwhile:
            sent_meanwhile.append(len(notebook.service.requests) - sent_before)
            await theirs.append_messages(session.key, [made], reply_to=asked.seq)
            await theirs.close()
        return is_free

    monkeypatch.setattr(manager.storage, "queue_lease", answered_meanwhile)
    came = DOORS[door].send(notebook)
    assert (came.error, sent_meanwhile) == ("", [0])
    [mine] = came.replies
    everything = run_sync(session.get_messages(branch="all"))
    assert [m.content for m in everything[everything.index(asked) :]][:2] == ["Theirs?", "Theirs!"]
    assert everything.index(mine) > everything.index(made)
    path = run_sync(session.get_messages())
    assert [m.role for m in path] == ["user", "assistant"] * (len(path) // 2)


@pytest.fixture
def deleted(notebook, monkeypatch):
    """Return a session that another kernel deletes as soon as a part of an answer is kept, with an endless model."""
    monkeypatch.setattr(checkpoint, "CHECKPOINT_S", 0.0)
    DOORS["cell"].prepare(notebook)
    manager = notebook.shell.workspace.manager
    session = run_sync(notebook.shell.workspace.current())
    notebook.answers(lambda _: (f"{number} " for number in itertools.count(1)), delay_s=0.001)
    theirs, save = SQLiteSessionStorage(manager.storage.db_path), manager.storage.save_partial

    async def deleted_meanwhile(*partial: Any, **place: Any) -> None:
        await theirs.delete_session(session.key)
        await theirs.close()
        await save(*partial, **place)

    monkeypatch.setattr(manager.storage, "save_partial", deleted_meanwhile)
    return session


def test_a_cell_whose_session_is_deleted_ends_in_one_line(notebook, deleted):
    """The error says so and holds what had arrived, and the next cell says that the session is gone."""
    ran = notebook.run("%%langswarm -q\nHi", "z")
    assert "was deleted while a message of it was being answered" in ran.complaint
    assert len(ran.error._render_traceback_()) == 1
    assert ran.error.reply.content.startswith("1 2 3 ")
    assert ran.stderr == ""
    assert "deleted" in notebook.run("%%langswarm -q\nHi", "y").complaint


def test_a_system_prompt_of_a_panel_goes_behind_the_answer_that_is_on_its_way(notebook, monkeypatch):
    """It belongs to the next question, and does not come between another kernel's question and its answer."""
    DOORS["cell"].prepare(notebook)
    manager = notebook.shell.workspace.manager
    session = run_sync(notebook.shell.workspace.current())
    [asked] = run_sync(session.append([question("Theirs?")], lease="theirs"))
    queue = manager.storage.queue_lease

    async def answered_meanwhile(*waiting: Any) -> bool:
        if not await queue(*waiting):
            theirs = answer("Theirs!", id="theirs")
            await manager.storage.append_messages(session.key, [theirs], reply_to=asked.seq)
        return bool(await queue(*waiting))

    monkeypatch.setattr(manager.storage, "queue_lease", answered_meanwhile)
    with closing(ChatPanel(session, rules=WorkspaceRules(notebook.shell.workspace))) as panel:

        async def act() -> None:
            await ACTIONS["system"](panel, {"text": "Be brief."})

        submit(act()).result(PATIENCE_S)
    ends = run_sync(session.get_messages(limit=3))
    assert [(m.content, m.source) for m in ends[1:]] == [("Theirs!", None), ("Be brief.", "panel")]


def test_a_panel_whose_session_is_deleted_says_so(notebook, deleted):
    """It is free again, and shows no message of a session that is gone."""
    with closing(ChatPanel(deleted, rules=WorkspaceRules(notebook.shell.workspace))) as panel:

        async def act() -> None:
            others = asyncio.all_tasks()
            await ACTIONS["send"](panel, {"text": "Hi"})
            while tasks := asyncio.all_tasks() - others:
                await asyncio.wait(tasks)

        submit(act()).result(PATIENCE_S)
        assert "was deleted while a message of it was being answered" in panel.problem
        assert (panel.busy, panel.transcript["messages"]) == (False, [])
