"""What users call from Python: `langswarm_nb.ask`, `langswarm_nb.session` and `langswarm_nb.chat`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack

from langswarm_nb.core.session import BaseSession, SessionNotFoundError, SessionValueError, checks
from langswarm_nb.core.session.errors import shown

from .asking.keywords import AskKeywords, options_of
from .asking.send import converse, prompt_of
from .bridge import kernel_shell, run_sync

if TYPE_CHECKING:
    import pandas as pd
    from IPython.core.interactiveshell import InteractiveShell

    from langswarm_nb.core.session import SessionManager

    from .asking.send import Answer
    from .panel import ChatPanel
    from .panel.widget import Theme
    from .showing.kept_file import KeptFile
    from .workspace import Workspace

_FEWEST_CHARS, _HASH_CHARS = 8, 64


def ask(prompt: str, *models: str, show: bool = True, **keywords: Unpack[AskKeywords]) -> Answer:
    """Send a prompt as ``%%langswarm`` does: in this notebook's session, showing the answer as it arrives.

    Parameters
    ----------
    prompt : str
        The text; ``{{ name }}`` is filled in from the notebook's variables unless ``raw=True``.
    *models : str
        ``provider:model`` or an alias; two or more models answer side by side.
    show : bool
        False shows nothing.
    **keywords
        The flags of ``%%langswarm``, each by its name (``session``, ``system``, ``no_history``, ``timeout``,
        ``from_`` for ``--from``, …); other options of the provider go in ``options={...}``. ``schema`` takes a type
        as well (a dataclass, ``list[Person]``, ``Literal[…]``, a pydantic model), ``decide`` what `decide` takes.

    Returns
    -------
    Reply, Comparison or Preview
        What the cell would return.

    Raises
    ------
    SessionError
        The prompt was not sent, or the request failed, or no notebook is running.
    SessionValueError
        A keyword is not a flag; the error names the nearest one.
    UsageError
        A name in the prompt is not defined.

    Examples
    --------
    ::

        answers = [ls.ask(question, show=False).text for question in questions]
        people = ls.ask("Ann is 31, Bo is 27.", schema="[name, age int]").data
    """
    asked = options_of(models, keywords, shows=show)
    workspace = _workspace()
    return converse(workspace, prompt_of(workspace, prompt, asked), asked)


def decide(
    data: str | Sequence[str | None] | pd.Series[Any] | pd.DataFrame,
    questions: object,
    *,
    model: str | None = None,
    column: str | None = None,
    template: str | None = None,
    concurrency: int = 8,
    timeout_s: float = 600.0,
    budget_usd: float | None = None,
    probabilities: bool | None = None,
) -> pd.DataFrame:
    r"""Answer questions about texts: what is true of them, which choice fits, how much of something there is.

    Parameters
    ----------
    data : str, list of str, pandas.Series or pandas.DataFrame
        The texts. Of a frame its only column of texts; where it has several, name one or write a template.
    questions : mapping or str
        Name -> ``bool``, a list of choices, a mapping of choices to their meanings, `levels`, ``Literal[…]``, an
        ``Enum``, or a text: a statement that may be true, ``"a|b|c: what to choose"`` or ``"low<high: what to rate"``.
    model : str, optional
        ``provider:model`` or an alias; by default that of the current session.
    column : str, optional
        The column of a frame that has the texts.
    template : str, optional
        What the columns of a row are put into: ``"{title}\n{body}"``.
    concurrency : int
        How many requests may be under way at a time.
    timeout_s : float
        Time limit for each request, in seconds.
    budget_usd : float, optional
        What this call may cost at most, in US dollars; the budget of the kernel holds too.
    probabilities : bool, optional
        Whether the model answers with probabilities, where that is not known; False asks for values by a schema.

    Returns
    -------
    pandas.DataFrame
        A row for each row of the data, with its index. For a question ``spam`` of true or false: ``spam`` (probability
        that it is true), ``spam_value`` (boolean: whether that is at least 0.5) and ``spam_refused``; for a choice
        ``topic`` (category), ``topic_p`` (probability of the choice) and ``topic_refused``; for levels ``anger``
        (number: levels counted from 0, weighed with their probabilities), ``anger_p`` (of the likeliest level) and
        ``anger_refused``. Then ``input_tokens``, ``cost_usd`` (US dollars), ``error_type`` and ``error_message``. A
        model that tells no probabilities fills in ``spam_value``, ``topic`` and ``anger``; its probabilities are NA.
        Rows of the same text share one request, which is counted with the first of them.

    Raises
    ------
    SessionError
        Nothing was sent: the data, a question or the model is wrong. Or nothing could be decided: the key was refused,
        there is no such model, the budget is used up. What fails for one row only is reported in that row.
    KeyboardInterrupt
        The user stopped it; the frame of what was decided is its attribute ``partial`` (`sys.last_value.partial`).

    Examples
    --------
    ::

        questions = {
            "spam": bool,
            "topic": ["billing", "bug", "praise"],
            "anger": ls.levels("calm", "annoyed", "furious"),
        }
        df.join(ls.decide(df["review"], questions, model="openai:gpt-6-luna"))
    """
    from .asking.decide import DecideOptions, decide_in

    options = DecideOptions(
        model=model,
        column=column,
        template=template,
        concurrency=concurrency,
        timeout_s=timeout_s,
        budget_usd=budget_usd,
        probabilities=probabilities,
    )
    return decide_in(_workspace(), data, questions, options)


def attachment(blob: str) -> KeptFile:
    """Return an attachment from a conversation in this notebook's store, to be shown, read or saved.

    Parameters
    ----------
    blob : str
        Its hash, or the beginning of it (8 characters or more), as in frames and the parts of messages.

    Raises
    ------
    SessionNotFoundError
        No conversation has it.
    SessionValueError
        ``blob`` is too short to mean one attachment.
    SessionError
        The store cannot be read, or no notebook runs.

    Examples
    --------
    ::

        ls.attachment("9f86d081…").save("figure.png")
    """
    if len(checks.text("blob", blob)) < _FEWEST_CHARS:
        raise SessionValueError.of(
            "blob", blob, f"the hash of an attachment, or at least its first {_FEWEST_CHARS} characters"
        )
    return run_sync(_find(_workspace(), blob))


async def _find(workspace: Workspace, blob: str) -> KeptFile:
    """Return an attachment of the current session, or of the last one that carries it."""
    from .showing.kept_file import KeptFile

    current = await workspace.peek()
    others = await workspace.manager.list_user_sessions(workspace.user_id, limit=None)
    for session in [*([] if current is None else [current]), *others]:
        if len(blob) == _HASH_CHARS and not await session.storage.read_blobs(session.key, [blob]):
            continue  # without a look at its messages
        for message in await session.get_messages(branch="all"):
            for part in message.attachments:
                if str(part.get("blob", "")).startswith(blob):
                    return KeptFile(part, session)
    raise SessionNotFoundError(
        f"No conversation of this store carries the attachment {shown(blob)}. `langswarm_nb.attachments_df()` has the "
        "hashes of all."
    )


def session(name: str | None = None) -> BaseSession:
    """Return a session of this notebook's store, by name or id; by default the one that cells talk to.

    Raises
    ------
    SessionNotFoundError
        There is no session of this name.
    SessionError
        The store cannot be read, or no notebook runs.
    """
    return run_sync(_workspace().get(name))


def chat(
    session: BaseSession | str | None = None,
    model: str | None = None,
    height: str = "28rem",
    theme: Theme = "auto",
    *,
    manager: SessionManager | None = None,
    enter_sends: bool = True,
) -> ChatPanel:
    """Open a chat panel; a cell that runs again closes the panels it opened before.

    Parameters
    ----------
    session : BaseSession or str, optional
        A session, or its name or id; by default the one that the cells of this notebook talk to.
    model, height, theme, enter_sends
        As in `ChatPanel`.
    manager : SessionManager, optional
        Where the session is looked up by id; by default the store of the magics.

    Returns
    -------
    ChatPanel
        The panel, which is shown as the last value of a cell.

    Raises
    ------
    SessionNotFoundError
        There is no session of this name.
    SessionError
        The session could not be read or made.

    Examples
    --------
    ::

        import langswarm_nb as ls

        ls.chat(model="mock:script")
    """
    from .panel.opening import open_panel

    shell = kernel_shell()
    return open_panel(
        None if shell is None else _workspace_of(shell),
        session,
        manager=manager,
        model=model,
        height=height,
        theme=theme,
        enter_sends=enter_sends,
    )


def _workspace() -> Workspace:
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    if shell is None:
        raise SessionValueError(
            "No notebook runs here, so there is no session to speak to. In a script, make one with "
            "`langswarm_nb.core.session.create_session_manager()`."
        )
    return _workspace_of(shell)


def _workspace_of(shell: InteractiveShell) -> Workspace:
    """Return what the magics of a shell work with; they are loaded when they are not."""
    from .shell.extension import workspace_of

    return workspace_of(shell)
