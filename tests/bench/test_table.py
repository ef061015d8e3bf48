"""The table of the benches: measured in turns, and the page has its rows. Nothing here looks at a clock."""

from __future__ import annotations

import re
from contextlib import nullcontext

import pytest

from tests.bench import raw, report
from tests.bench.measuring import measured
from tests.bench.row import Counts, Measured, Row
from tests.bench.rows import ROWS
from tests.support.paths import REPOSITORY

PAGE = (REPOSITORY / "docs" / "performance.md").read_text("utf-8")


def side(*costs):
    """Return a side that costs this, one after another."""
    return lambda: nullcontext(iter(costs).__next__)


def test_the_first_of_several_does_not_count_and_the_middle_does():
    """What is made ready at first use is nobody's cost, and one slow moment decides nothing."""
    row = Row("work", "ms", 2, side(9.0, 1.0, 2.0, 90.0), side(90.0, 3.0, 5.0, 4.0), pairs=4)
    found = measured(row)
    assert (found.floor, found.ours, found.ratio) == (2.0, 4.0, 2.0)
    assert found.is_reached


def test_floor_and_ours_are_measured_in_turns():
    """What else the machine does meets both alike."""
    order = []

    def told(name):
        def work():
            order.append(name)
            return 1.0

        return lambda: nullcontext(work)

    measured(Row("work", "ms", 2, told("floor"), told("ours"), pairs=2))
    assert order == ["floor", "ours", "floor", "ours"]


@pytest.mark.parametrize(
    "counts, target, is_reached",
    [
        (Counts.TIMES, 2.5, True),
        (Counts.TIMES, 2.4, False),
        (Counts.MORE, 6, True),
        (Counts.MORE, 5.9, False),
        (Counts.OURS, 10, True),
        (Counts.OURS, 9.9, False),
    ],
)
def test_a_target_is_held_against_what_its_row_says(counts, target, is_reached):
    """Ten beside four is two and a half times as much, six more, and ten."""
    found = Measured(Row("work", "ms", target, side(), side(), counts), 4, 10)
    assert found.is_reached is is_reached
    assert ("✗" in report.as_text([found])) is not is_reached


def test_the_page_has_all_rows_with_their_targets():
    """Rows and targets of `docs/performance.md` are those of the benches, in their order."""
    table = PAGE.partition("## The table")[2].partition("\n## ")[0].splitlines()
    lines = [re.split(r" *\| *", line.strip("| ")) for line in table if line.startswith("| ")]
    shown = [(cells[0], cells[4].removesuffix(" ✗")) for cells in lines if cells[0] not in {"row", "---"}]
    assert shown == [(row.name, report.target(row)) for row in ROWS]


def test_rows_have_names_of_their_own():
    """`--only` can ask for each."""
    names = [row.name for row in ROWS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("cut", range(1, 60, 7))
async def test_the_floor_reads_all_pieces_wherever_the_bytes_are_cut(cut):
    """It does the work that it is measured for."""
    stream = (
        b"".join(b'data: {"choices":[{"delta":{"content":"%d "}}]}\n\n' % n for n in range(9))
        + b"data: [DONE]\n\n"
    )

    async def pieces():
        for at in range(0, len(stream), cut):
            yield stream[at : at + cut]

    assert "".join([text async for text in raw.texts(pieces())]) == "0 1 2 3 4 5 6 7 8 "


def test_the_floor_stores_what_it_is_given():
    """And reads it back in order."""
    with raw.database() as db:
        raw.append(db, 1, ("Hi", "Hello"))
        raw.append(db, 2, ("elsewhere",))
        found = db.execute(f"{raw.SELECT} ORDER BY id", (1,)).fetchall()
    assert [(role, content) for _, _, role, content, _ in found] == [("user", "Hi"), ("assistant", "Hello")]
