"""Which tests are counted for the coverage of lines."""

from __future__ import annotations

import sys

import pytest

from tests.support.measured import MEASURED, unmeasured


@pytest.mark.parametrize("one", [1, 2])
@pytest.mark.parametrize("other", ["a", "b", "c"])
def test_each_value_is_counted_once(request, one, other):
    """Of all combinations those that bring a new one, in the order in which they are written."""
    assert (request.node in MEASURED) is (one == 1 or other == "a")


def test_what_does_not_vary_is_counted(request):
    """A test without parameters is always one of them."""
    assert request.node in MEASURED


@pytest.mark.unmeasured
def test_what_is_marked_is_not_counted(request):
    """Whether it varies or not."""
    assert request.node not in MEASURED
    assert sys.gettrace() is None


def test_nothing_is_counted_in_the_block():
    """And after it all is as it was before, with both counters of a worker."""
    before = sys.gettrace()
    with unmeasured():
        assert sys.gettrace() is None
    assert (sys.gettrace() is None) is (before is None)
