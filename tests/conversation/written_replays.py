"""Written walks: new kernels, restarted conversations, branches of cells (rules 4.5 to 4.7 of the model)."""

from __future__ import annotations

from tests.conversation.driver import FrontEnd
from tests.conversation.written import (
    EVERYWHERE,
    IN_LAB,
    Cell,
    Open,
    Save,
    Sees,
    Written,
    sent,
)
from tests.conversation.written_running import THREE

REPLAYS = (
    # ---- 4.5
    Written(
        "Restart and Run All in order makes one version more of each turn",
        (
            *THREE,
            Open(),
            Cell("c0", "%%langswarm\none"),
            Sees((sent("one"),), (r"2 later turns stay with 0\.1",)),
            Cell("c1", "%%langswarm\ntwo"),
            Sees((sent("two", "one -> a: one #2"),)),
            Cell("c2", "%%langswarm\nthree"),
            Sees((sent("three", "one -> a: one #2", "two -> a: two #2"),)),
            Cell("c3", "%langswarm use 2.2"),
            Sees(told=(r"2\.2 is already current",)),
        ),
    ),
    Written(
        "Restart and Run All where front ends tell no ids makes one version more of each turn",
        (
            Open(front_end=FrontEnd.NO_IDS),
            Cell("c0", "%%langswarm\none"),
            Cell("c1", "%%langswarm\ntwo"),
            Open(front_end=FrontEnd.NO_IDS),
            Cell("c0", "%%langswarm\none"),
            Sees((sent("one"),)),
            Cell("c1", "%%langswarm\ntwo"),
            Sees((sent("two", "one -> a: one #2"),)),
            Cell("c2", "%langswarm use 1.2"),
            Sees(told=(r"1\.2 is already current",)),
        ),
        EVERYWHERE,
    ),
    Written(
        "Restart and Run All goes on past an aside, a comparison and a dry run",
        (
            Open(),
            Cell("c0", "%%langswarm\none"),
            Cell("c1", "%%langswarm --no-history\nbeside"),
            Cell("c2", "%%langswarm -m a -m b\ntwo"),
            Cell("c3", "%%langswarm\nthree"),
            Open(),
            Cell("c0", "%%langswarm --dry-run\none"),
            Cell("c0", "%%langswarm\none"),
            Cell("c1", "%%langswarm --no-history\nbeside"),
            Cell("c2", "%%langswarm -m a -m b\ntwo"),
            Cell("c3", "%%langswarm\nthree"),
            Sees((sent("three", "one -> a: one #2"),)),
            Cell("c4", "%langswarm use 3.2"),
            Sees(told=(r"3\.2 is already current",)),
        ),
    ),
    Written(
        "Running just one cell in the middle of a notebook asks that turn again",
        (
            *THREE,
            Open(),
            Cell("c1", "%%langswarm\ntwo"),
            Sees((sent("two", "one"),), (r"1 later turn stays with 1\.1",)),
        ),
    ),
    Written(
        "A refused first ask of a new kernel does not make the next run append",
        (
            *THREE,
            Open(),
            Cell("c0", "%%langswarm --budget 0\none"),
            Sees((), is_refused=True),
            Cell("c0", "%%langswarm\none"),
            Sees((sent("one"),), (r"2 later turns stay with 0\.1",)),
        ),
    ),
    Written(
        "A command that moves in the tree ends the replay",
        (
            *THREE,
            Open(),
            Cell("c3", "%langswarm undo"),
            Cell("c1", "%%langswarm\ntwo"),
            Cell("c0", "%%langswarm\none"),
            Sees((sent("one", "two -> a: two #2"),), ("turn 0 is hidden, asked again at the end",)),
        ),
        IN_LAB,
    ),
    Written(
        "A command that moves nothing leaves the replay as it is",
        (
            *THREE,
            Open(),
            Cell("c3", "%langswarm use 2.1"),
            Cell("new", "%%langswarm\ntwo"),
            Sees((sent("two", "one"),), (r"1 later turn stays with 1\.1",)),
        ),
    ),
    Written(
        "A cell that is gone from the notebook drops out with Run All, if it is not the first",
        (
            *THREE,
            Open(),
            Cell("c0", "%%langswarm\none"),
            Cell("c2", "%%langswarm\nthree"),
            Sees((sent("three", "one -> a: one #2"),)),
        ),
    ),
    # ---- 4.6 and 4.7
    Written(
        "A restarted conversation sends no cell that is gone, not even the first",
        (
            *THREE,
            Open(),
            Cell("c3", "%langswarm restart"),
            Cell("c1", "%%langswarm\ntwo"),
            Sees((sent("two"),)),
            Cell("c2", "%%langswarm\nthree"),
            Sees((sent("three", "two -> a: two #2"),)),
            Cell("c4", "%langswarm use 2.1"),
            Cell("c5", "%%langswarm\nfour"),
            Sees((sent("four", "one", "two", "three"),)),
        ),
        IN_LAB,
    ),
    Written(
        "Sync makes a branch with the turns of the saved cells in their order, and asks nothing",
        (
            *THREE,
            Save("nb.ipynb", ("c2", "c1", "c3", "c4")),
            Cell("c3", "%langswarm sync"),
            Sees(()),
            Cell("c4", "%%langswarm\nfour"),
            Sees((sent("four", "three", "two"),)),
        ),
        IN_LAB,
        is_modelled=False,
    ),
    Written(
        "A branch that a cell names goes on after the turn that it names",
        (
            *THREE,
            Cell("c3", "%%langswarm -b idea --from 0\nfour"),
            Sees((sent("four", "one"),)),
            Cell("c3", "%%langswarm -b idea --from 0\nfour, please"),
            Sees((sent("four, please", "one"),)),
            Cell("c4", "%%langswarm\nfive"),
            Sees((sent("five", "one", "four, please"),)),
            Cell("c5", "%%langswarm -b main\nsix"),
            Sees((sent("six", "one", "two", "three"),)),
        ),
        EVERYWHERE,
    ),
)
