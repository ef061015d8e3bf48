"""`%langswarm plot`: each kind is one picture, in a real kernel, with any amount of data."""

from __future__ import annotations

import base64

import pytest

from langswarm_nb.notebook.commands.figures import PLOTS
from tests.support.kernels import Kernel, running_kernel

pytestmark = pytest.mark.kernel

PNG = b"\x89PNG\r\n"


@pytest.fixture(scope="module")
def kernel():
    pytest.importorskip("matplotlib", reason="needs the extra plot", exc_type=ImportError)
    with running_kernel() as kernel:
        kernel.run("%load_ext langswarm_nb")
        yield kernel


def pictures(kernel: Kernel, line: str) -> list[bytes]:
    displays = kernel.run(line).displays
    return [base64.b64decode(shown["data"]["image/png"]) for shown in displays]


@pytest.mark.parametrize("kind", PLOTS)
def test_each_kind_is_one_picture(kernel: Kernel, kind: str):
    """Drawn from the session, or from all of them, and shown once."""
    kernel.run("%%langswarm -q --new\none")
    kernel.run("%%langswarm -q -m mock:echo,mock:script\ntwo")
    for line in (f"%langswarm plot {kind}", f"%langswarm plot {kind} --all"):
        [picture] = pictures(kernel, line)
        assert picture.startswith(PNG)


@pytest.mark.parametrize("kind", PLOTS)
def test_a_session_without_messages_has_an_empty_picture(kernel: Kernel, kind: str):
    """Nothing to draw is not an error."""
    kernel.run("%langswarm new")
    [picture] = pictures(kernel, f"%langswarm plot {kind}")
    assert picture.startswith(PNG)


def test_an_unknown_kind_names_those_that_are(kernel: Kernel):
    """The error lists the kinds."""
    cell = kernel.execute("%langswarm plot pie")
    assert (cell.ename, all(kind in cell.evalue for kind in PLOTS)) == ("UsageError", True)
