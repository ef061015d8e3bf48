"""What is sent (section 2 of the model): each of its sentences, on trees without a storage."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langswarm_nb.core.session import ContextLengthError, SessionSettings
from langswarm_nb.core.session.conversation import sent_context as _context
from langswarm_nb.core.session.conversation.nodes import Node
from langswarm_nb.core.session.conversation.path import Path
from langswarm_nb.core.session.conversation.sent_context import choose, sendable, system_now
from langswarm_nb.core.session.messages import about_tokens
from tests.support.trees import Grown, context, sent


@pytest.fixture
def three() -> Grown:
    """Return a session of three turns."""
    grown = Grown()
    for text in "ABC":
        grown.ask(text)
    return grown


# -- the messages on the path before it, and nothing else -------------------------------------------------------


def test_a_question_is_sent_with_the_path_before_it(three: Grown) -> None:
    """All turns before it, in order, and itself."""
    assert sent(three) == "A a B b C c ?"
    assert sent(Grown()) == "?"


def test_what_stands_beside_the_path_is_not_sent(three: Grown) -> None:
    """Neither other versions, nor asides, nor undone turns, nor other branches."""
    three.ask("B2", parent=1, turn=1)
    three.ask("N", beside="aside")
    three.go(7, "try")
    three.ask("T")
    three.go(7, "main")
    assert sent(three) == "A a B2 b2 ?"


def test_a_question_in_the_middle_is_sent_with_what_stands_before_its_place(three: Grown) -> None:
    """Its answer must not know the turns that follow."""
    assert sent(three, parent=1) == "A a ?"
    assert sent(three, parent=None) == "?"


def test_tool_rounds_are_sent_with_their_turn() -> None:
    """Question, request of a tool, what it returned, and answer; also when a tool's result is what is asked."""
    grown = Grown()
    grown.ask("A", "look")
    grown.say("tool", "42")
    assert grown.said(choose(grown.tree().active, (), SessionSettings("mock", "echo")).seqs) == [
        "A",
        "look",
        "42",
    ]
    grown.say("assistant", "so")
    assert sent(grown) == "A look 42 so ?"


def test_a_path_without_a_question_is_sent_as_it_is() -> None:
    """A tool's result, or a greeting, that a program stored by itself."""
    grown = Grown()
    grown.say("assistant", "hello")
    path = grown.tree().active
    assert choose(path, (), SessionSettings("mock", "echo", max_messages=1)).seqs == (0,)


# -- 2.1: the system text ---------------------------------------------------------------------------------------


def test_the_system_text_is_the_last_that_replaces_with_those_after_it_that_add() -> None:
    """A "replace" takes the place of all before it on the path; an "add" joins them."""
    grown = Grown()
    grown.system("first", "add")
    grown.system("second", "add")
    grown.ask("A")
    assert sent(grown) == "first second A a ?"
    grown.system("third", "replace")
    grown.system("fourth", "add")
    grown.ask("B")
    assert sent(grown) == "A a third fourth B b ?"


def test_system_text_of_a_cell_replaces() -> None:
    """What comes with a question takes the place of what was there."""
    grown = Grown()
    grown.ask("A", system="brief")
    assert sent(grown, system="kind") == "A a kind ?"


def test_an_empty_system_text_takes_away_what_was_there() -> None:
    """`-s ""` is an empty "replace"; what adds to nothing is alone."""
    grown = Grown()
    grown.ask("A", system="brief")
    assert sent(grown, system="") == "A a ?"
    grown.system("", "replace")
    grown.system("kind", "add")
    assert sent(grown) == "A a kind ?"


@pytest.mark.parametrize("how", ["undone", "hidden", "left behind", "failed"])
def test_system_text_goes_along_with_its_question(how: str) -> None:
    """A system message belongs to the question it was given with, whatever becomes of that."""
    grown = Grown()
    grown.ask("A", system="brief")
    grown.ask("B", "" if how == "failed" else "b", status="error" if how == "failed" else "ok", system="kind")
    assert sent(grown) == ("brief A a ?" if how == "failed" else "A a kind B b ?")
    if how == "undone":
        grown.go(2)
    elif how == "hidden":
        grown.hide(1)
    elif how == "left behind":
        grown.ask("B2", parent=2, turn=1)
    assert sent(grown) == ("brief A a B2 b2 ?" if how == "left behind" else "brief A a ?")


@pytest.mark.parametrize("becomes", ["undone", "hidden"])
def test_a_system_message_of_a_panel_belongs_to_the_next_question(becomes: str) -> None:
    """It is in force for that, and goes along with it."""
    grown = Grown()
    grown.ask("A")
    grown.system("brief", "add")
    assert sent(grown) == "A a brief ?"
    grown.ask("B")
    assert sent(grown) == "A a brief B b ?"
    if becomes == "hidden":
        grown.hide(1)
    else:
        grown.go(grown.tree().turns[-1].before)
    assert sent(grown) == "A a ?"


def test_a_system_message_of_a_panel_stays_for_a_new_version() -> None:
    """It stands before the place; what was given with the old version does not."""
    grown = Grown()
    panel = grown.system("panel", "add")
    grown.ask("A", system="own")
    assert sent(grown) == "own A a ?"
    tree = grown.tree()
    assert tree.place_of(tree.questions(0)[0]) == panel
    grown.ask("A2", parent=panel, turn=0)
    assert sent(grown) == "panel A2 a2 ?"


def test_there_is_no_system_text_beside_the_path() -> None:
    """Also what came with the session stands on it: it is in force below, and nowhere else."""
    grown = Grown()
    came = grown.system("rules", "session")
    grown.ask("A")
    grown.hide(0)
    assert sent(grown) == "rules ?"
    assert sent(grown, parent=came) == "rules ?"
    assert sent(grown, parent=None) == "?"
    grown.system("instead", "replace")
    assert sent(grown) == "instead ?"


def test_a_system_message_that_holds_no_more_is_not_sent() -> None:
    """As those that version 1 hid."""
    grown = Grown()
    grown.system("old", "none")
    grown.ask("A")
    assert sent(grown) == "A a ?"


def test_asides_carry_the_system_text_of_the_path_unless_they_bring_their_own() -> None:
    """They are sent with it and themselves alone."""
    grown = Grown()
    grown.ask("A", system="brief")
    grown.system("waits", "add")
    assert sent(grown, alone=True) == "brief waits ?"
    assert sent(grown, alone=True, system="own") == "own ?"
    assert sent(grown, alone=True, system="") == "?"


def test_what_the_next_question_goes_with_can_be_told(three: Grown) -> None:
    """What waits at the end of the path included; nothing of turns that are not sent."""
    three.ask("D", system="brief")
    three.system("waits", "add")
    tree = three.tree()
    assert three.said(node.seq for node in system_now(tree.path, tree.hidden)) == ["brief", "waits"]
    three.hide(3)
    tree = three.tree()
    assert three.said(node.seq for node in system_now(tree.path, tree.hidden)) == ["waits"]
    assert system_now([], ()) == []


def test_what_of_a_path_is_sent_with_what_follows_can_be_told() -> None:
    """System text that holds, what came with the session included, and turns that are answered and not hidden."""
    grown = Grown()
    grown.system("came", "session")
    grown.ask("A", system="own")
    grown.system("late", "session")
    grown.ask("B", "", status="error")
    grown.ask("C")
    grown.ask("D")
    grown.hide(2)
    tree = grown.tree()
    assert grown.said(node.seq for node in sendable(tree.path, tree.hidden)) == ["own", "A", "a", "D", "d"]
    grown.hide(0)
    tree = grown.tree()
    assert grown.said(node.seq for node in sendable(tree.path, tree.hidden)) == ["came", "late", "D", "d"]


# -- 2.2: hidden turns ------------------------------------------------------------------------------------------


def test_hidden_turns_are_left_out_whole(three: Grown) -> None:
    """Question, answer and tool rounds."""
    three.say("tool", "42")
    three.say("assistant", "so")
    three.hide(2)
    three.hide(0)
    assert sent(three) == "B b ?"


def test_a_version_is_hidden_for_itself(three: Grown) -> None:
    """The new version of a hidden turn is not hidden, be it another question or another answer to the same."""
    three.hide(2)
    three.answer_again(4, "c!")
    assert sent(three) == "A a B b C c! ?"
    three.hide(2, 2)
    assert sent(three) == "A a B b ?"
    three.ask("C3", parent=3, turn=2)
    assert sent(three) == "A a B b C3 c3 ?"


def test_hiding_holds_on_its_branch(three: Grown) -> None:
    """Also for turns that branches share; a branch made from another begins with what is hidden there."""
    three.hide(0)
    three.go(5, "try")
    three.hide(1)
    assert sent(three) == "C c ?"
    three.go(5, "main")
    assert sent(three) == "B b C c ?"
    assert three.tree().hidden_on("try") == {(0, 1), (1, 1)}
    assert three.tree().hidden_on("new") == three.tree().hidden_on(None) == {(0, 1)}


def test_a_question_is_sent_also_when_its_turn_is_hidden(three: Grown) -> None:
    """A request never goes without its question: who asks a hidden turn again means it."""
    three.hide(2)
    tree = three.tree()
    chosen = choose(tree.way_to(4), tree.hidden, SessionSettings("mock", "echo"))
    assert three.said(chosen.seqs) == ["A", "a", "B", "b", "C"]


# -- 2.3: what nobody answered ----------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["error", "stopped"])
def test_what_nobody_answered_is_left_out(three: Grown, status: str) -> None:
    """A failed question, or one that was stopped before any text; and one whose answer never came."""
    three.ask("D", "", status=status)
    three.ask("E", None)
    assert sent(three) == "A a B b C c ?"


@pytest.mark.parametrize("status", ["error", "stopped"])
def test_a_reply_cut_after_some_text_is_sent_with_that_text(three: Grown, status: str) -> None:
    """It is what the reader has seen."""
    three.ask("D", "half", status=status)
    assert sent(three) == "A a B b C c D half ?"


def test_thinking_alone_is_no_answer(three: Grown) -> None:
    """A reply stopped before its text; one that ended well without text is one."""
    three.ask("D", None)
    three.say("assistant", "", status="stopped", says=1)
    assert sent(three) == "A a B b C c ?"
    three.ask("E", None)
    three.say("assistant", "", status="ok", says=1)
    assert sent(three) == "A a B b C c E ?"


def test_an_answer_of_unknown_fate_is_one(three: Grown) -> None:
    """From an import, without the facts of a request."""
    three.ask("D", "", status=None)  # type: ignore[arg-type]
    assert sent(three).endswith("D ?")


def test_a_turn_is_answered_when_any_of_its_rounds_is() -> None:
    """A tool round whose last answer failed keeps what came before."""
    grown = Grown()
    grown.ask("A", "look")
    grown.say("tool", "42")
    grown.say("assistant", "", status="error")
    assert sent(grown) == "A look 42 ?"


# -- 2.4: limits ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "most, left_out, texts",
    [
        (1, 3, "?"),
        (2, 3, "?"),
        (3, 2, "C c ?"),
        (4, 2, "C c ?"),
        (5, 1, "B b C c ?"),
        (7, 0, "A a B b C c ?"),
    ],
)
def test_whole_turns_are_left_out_from_the_oldest(three: Grown, most: int, left_out: int, texts: str) -> None:
    """`max_messages` counts questions and answers; how many turns are left out is told."""
    assert sent(three, max_messages=most) == texts
    assert context(three, max_messages=most).left_out == left_out


def test_tokens_are_counted_with_the_system_text() -> None:
    """At 4 characters a token and 4 tokens a message; system text and question always stay."""
    grown = Grown()
    grown.ask("A" * 40, "a" * 40, system="s" * 40)
    grown.ask("B" * 40, "b" * 40)
    whole = about_tokens(5 * 40 + 1, 6)
    assert context(grown, max_context_tokens=whole).left_out == 0
    assert context(grown, max_context_tokens=whole - 1).left_out == 1
    only = about_tokens(40 + 1, 2)
    assert sent(grown, max_context_tokens=only) == f"{'s' * 40} ?"
    with pytest.raises(ContextLengthError, match=rf"about {only} tokens, max_context_tokens is {only - 1}"):
        context(grown, max_context_tokens=only - 1)


def test_what_is_not_sent_does_not_count(three: Grown) -> None:
    """Hidden and unanswered turns take no room, nor are they told as left out."""
    three.ask("D", "", status="error")
    three.hide(2)
    found = context(three, max_messages=5)
    assert (three.copy().said(found.seqs[:-1]), found.left_out) == (["A", "a", "B", "b"], 0)


def test_one_long_turn_may_pass_a_limit_of_messages() -> None:
    """What is asked is always sent, also as the result of a tool after many rounds."""
    grown = Grown()
    grown.ask("A")
    grown.ask("B", "look")
    for _ in range(3):
        grown.say("tool", "42")
        grown.say("assistant", "look")
    grown.say("tool", "42")
    path = grown.tree().active
    chosen = choose(path, (), SessionSettings("mock", "echo", max_messages=2))
    assert (len(chosen.seqs), chosen.left_out) == (9, 1)
    with pytest.raises(ContextLengthError, match="9 messages, max_messages is 2"):
        choose(
            Path.of(grown.tree().path[2:]), (), SessionSettings("mock", "echo", max_messages=2, trim="error")
        )


def test_an_aside_keeps_the_limits(three: Grown) -> None:
    """It has nothing to leave out, so it is refused when it is too long by itself; it tells of no turns left out."""
    assert context(three, alone=True, max_messages=1, trim="error").left_out == 0
    with pytest.raises(ContextLengthError, match="about 5 tokens, max_context_tokens is 4"):
        context(three, alone=True, max_context_tokens=4)


@pytest.mark.parametrize(
    "limits, problem",
    [
        ({"max_messages": 6}, "7 messages, max_messages is 6"),
        ({"max_context_tokens": 29}, "about 30 tokens, max_context_tokens is 29"),
        ({"max_messages": 7, "max_context_tokens": 29}, "about 30 tokens, max_context_tokens is 29"),
    ],
)
def test_a_limit_can_refuse_instead(three: Grown, limits: dict[str, Any], problem: str) -> None:
    """`trim="error"` leaves nothing out: it says by how much the request is too long, and what to do."""
    with pytest.raises(
        ContextLengthError, match=rf"{problem}. Nothing was sent; raise.*, or set trim='oldest'"
    ):
        context(three, trim="error", **limits)
    assert context(three, trim="error", max_messages=7, max_context_tokens=30).left_out == 0


# -- any path ---------------------------------------------------------------------------------------------------

TURNS = st.lists(
    st.tuples(
        st.integers(0, 30),  # length of the question
        st.lists(st.tuples(st.sampled_from(["ok", "error", "stopped"]), st.integers(0, 30)), max_size=2),
        st.sampled_from([None, "", "given"]),
        st.sampled_from([None, "add", "replace"]),
        st.booleans(),  # hidden
    ),
    max_size=9,
)


def grow(turns: list[tuple[Any, ...]]) -> Grown:
    """Return a session with these turns and a question that is asked."""
    grown = Grown()
    grown.system("came", "session")
    for number, (chars, answers, given_with, waits, is_hidden) in enumerate(turns):
        if waits is not None:
            grown.system("waits", waits)
        grown.ask("Q" * chars, None, system=given_with)
        for n, (status, length) in enumerate(answers):
            if n:
                grown.say("tool", "tool")
            grown.say("assistant", "a" * length, status=status)
        if is_hidden:
            grown.hide(number)
    grown.ask("?", None)
    return grown


def naive(grown: Grown, settings: SessionSettings) -> tuple[list[int], int] | None:
    """Return what is sent, by trying to leave out one turn more and looking at the whole; None when it is refused."""
    tree = grown.tree()
    *earlier, asked = tree.turns
    kept = [turn for turn in earlier if turn.key not in tree.hidden and turn.is_answered]
    system = _context.system_text([tree.nodes[0]], [*kept, asked])
    for left_out in range(len(kept) + 1):
        said = [node for turn in [*kept[left_out:], asked] for node in (turn.question, *turn.answers)]
        count = sum(node.says > 0 or node.role == "user" for node in said)
        tokens = about_tokens(sum(node.chars for node in [*system, *said]), count + len(system))
        fits = settings.max_messages is None or count <= settings.max_messages or left_out == len(kept)
        if fits and (settings.max_context_tokens is None or tokens <= settings.max_context_tokens):
            return sorted(node.seq for node in [*system, *said]), left_out
        if settings.trim == "error":
            return None
    return None


@given(
    turns=TURNS,
    most=st.none() | st.integers(1, 20),
    most_tokens=st.none() | st.integers(5, 120),
    trim=st.sampled_from(["oldest", "error"]),
)
def test_choosing_is_what_trying_all_would_choose(
    turns: list[tuple[Any, ...]], most: int | None, most_tokens: int | None, trim: Any
) -> None:
    """One pass from the end finds the most turns that fit; a request begins with no answer and has its question."""
    grown = grow(turns)
    settings = SessionSettings("mock", "echo", max_messages=most, max_context_tokens=most_tokens, trim=trim)
    expected = naive(grown, settings)
    tree = grown.tree()
    try:
        found = choose(tree.active, tree.hidden, settings)
    except ContextLengthError:
        assert expected is None
        return
    assert (list(found.seqs), found.left_out) == expected
    roles = [tree.nodes[seq].role for seq in found.seqs if tree.nodes[seq].role != "system"]
    assert roles[0] == roles[-1] == "user"
    assert found.seqs[-1] == len(grown.nodes) - 1


class Looked(Node):
    """A node that counts how often its length is asked for."""

    looks = 0

    @property
    def chars(self) -> int:
        """Length of its text."""
        Looked.looks += 1
        return 100


@pytest.mark.parametrize("most_tokens", [500, 50_000, 10**9])
def test_choosing_is_one_pass(most_tokens: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit looks at each turn once, from the newest, and at none that is older than the first that does not fit."""
    grown = Grown()
    for _ in range(1000):
        grown.ask("Q")
    path = Path.of(Looked(*node) for node in grown.tree().path)
    monkeypatch.setattr(Looked, "looks", 0)
    found = choose(path, (), SessionSettings("mock", "echo", max_context_tokens=most_tokens))
    assert Looked.looks <= len(found.seqs) + 10
