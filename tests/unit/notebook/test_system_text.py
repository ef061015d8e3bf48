"""The system text of a panel: that of the model of a conversation, found without a look at most of the path."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from langswarm_nb.core.session import MessageRole, RequestFacts, SessionMessage
from langswarm_nb.core.session.conversation.nodes import node_of
from langswarm_nb.core.session.conversation.sent_context import system_now
from langswarm_nb.notebook.panel.system_text import system_text

SAID = st.tuples(
    st.sampled_from([MessageRole.USER, MessageRole.ASSISTANT, MessageRole.SYSTEM, MessageRole.TOOL]),
    st.sampled_from(["replace", "add", "session", "none"]),
    st.booleans(),  # hidden
    st.booleans(),  # a system message that came with its question, an answer that failed
    st.booleans(),  # says something
)


_USER = (MessageRole.USER, "replace", False, False, False)
_SYSTEM, _NO_SYSTEM, _REPLY = (
    (MessageRole.SYSTEM, "replace", False, False, True),
    (MessageRole.SYSTEM, "replace", False, False, False),
    (MessageRole.ASSISTANT, "replace", False, False, False),
)


@example([_USER, _SYSTEM, _USER, _USER, _NO_SYSTEM, _REPLY, _USER])
@given(st.lists(SAID, max_size=14))
def test_the_system_text_is_that_of_the_next_question(said):
    """Whatever stands where: what the rule holds over the whole path."""
    path: list[SessionMessage] = []
    turn = 0
    for seq, (role, scope, is_hidden, goes_along, has_words) in enumerate(said):
        is_system = role is MessageRole.SYSTEM
        turn += role is MessageRole.USER
        path.append(
            SessionMessage(
                role=role,
                content=f"words {seq}" if has_words else "",
                seq=seq,
                parent_seq=seq - 1 if seq else None,
                turn=turn + 1 if is_system and goes_along else None if is_system else turn,
                version=1,
                scope=scope if is_system else None,
                is_hidden=is_hidden and not is_system,
                request=RequestFacts("mock", "echo", status="error" if goes_along else "ok")
                if role is MessageRole.ASSISTANT
                else None,
            )
        )
    nodes = [node_of(message, message.seq or 0, message.parent_seq) for message in path]
    hidden = {(message.turn, message.version) for message in path if message.is_hidden}
    held = {node.seq for node in system_now(nodes, hidden)}
    assert system_text(path) == "\n\n".join(each.content for each in path if each.seq in held)
