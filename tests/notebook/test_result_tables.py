"""What commands return in a kernel: tables in the page, aligned text beside them, and frames that stay frames."""

from __future__ import annotations

import pandas as pd
import pytest

from langswarm_nb.notebook.commands.shown_frames import ShownFrame
from tests.support.hostile import TEXTS
from tests.support.html import assert_safe, text_of
from tests.support.kernels import running_kernel

COMMANDS = (
    "status",
    "sessions",
    "search cat",
    "models",
    "tree",
    "versions",
    "branches",
    "config",
    "doctor",
    "show",
)


@pytest.fixture(scope="module")
def kernel():
    with running_kernel() as kernel:
        kernel.run("%load_ext langswarm_nb")
        kernel.run("%%langswarm -q\nMy cat is called Minka.")
        yield kernel


def body_of(page: str) -> str:
    return page.partition("</style>")[2].removesuffix("</div>")


@pytest.mark.kernel
@pytest.mark.parametrize("command", COMMANDS)
def test_a_result_is_shown_as_html_and_as_text(kernel, command):
    """One safe page, with the plain text that a terminal shows beside it."""
    [shown] = kernel.run(f"%langswarm {command}").outputs
    page = body_of(shown["data"]["text/html"])
    assert_safe(page)
    assert "<table" in page or command == "show"
    assert shown["data"]["text/plain"].strip()


@pytest.mark.kernel
def test_a_dry_run_shows_bubbles_and_folds_frames(kernel):
    """What the model would get, each message as a bubble; a frame stands behind its title."""
    kernel.run("import pandas as pd; frame = pd.DataFrame({'a': range(40)})")
    [shown] = kernel.run("%%langswarm --dry-run\nWhat is this?\n{{ frame }}").outputs
    page = body_of(shown["data"]["text/html"])
    assert_safe(page)
    assert page.count('class="lsnb-said lsnb-by-user"') == 2
    assert "<summary>DataFrame: 40 rows x 1 columns" in page
    assert "not sent" in shown["data"]["text/plain"]


@pytest.mark.kernel
def test_marked_words_are_those_searched_for(kernel):
    """In any case, with the session, the turn and the time beside them."""
    [shown] = kernel.run("%langswarm search MINKA cat").outputs
    html = shown["data"]["text/html"]
    assert "<mark>cat</mark>" in html
    assert "<mark>Minka</mark>" in html
    assert "<code>0.1</code>" in html


def test_a_frame_of_a_command_is_a_frame():
    """What is made of it is an ordinary one, and only its looks differ: names for readers, prices, no ids."""
    frame = ShownFrame(
        {"model": ["a"], "n": [1200], "cost_usd": [0.5], "compare_id": ["x"], "duration_s": [1.23456]}
    )
    assert isinstance(frame, pd.DataFrame)
    assert type(frame[["n"]]) is pd.DataFrame
    assert type(frame.copy()) is pd.DataFrame
    pd.testing.assert_frame_equal(frame.head(), pd.DataFrame(dict(frame.items())))
    said = text_of(body_of(frame._repr_html_()))
    assert said == "modelrequestscostseconds" + "a1,200$0.50001.23"


def test_an_unknown_price_is_never_shown_as_nothing():
    """A missing cost is unknown; other missing values are blank."""
    frame = ShownFrame({"cost_usd": pd.array([None, 1.0], "Float64"), "n": pd.array([None, 2], "Int64")})
    assert text_of(body_of(frame._repr_html_())) == "costrequestsprice unknown$1.002"


@pytest.mark.parametrize("name", TEXTS)
def test_hostile_values_of_frames_stay_text(name):
    """Answers and names of models in a frame are text."""
    assert_safe(body_of(ShownFrame({TEXTS[name]: [TEXTS[name]], "answer": [TEXTS[name]]})._repr_html_()))
