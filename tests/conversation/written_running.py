"""Written walks: running cells again in one kernel, and out of order (rules 4.1 to 4.4 of the model)."""

from __future__ import annotations

from tests.conversation.written import (
    EVERYWHERE,
    IN_LAB,
    Cell,
    Open,
    Panel,
    Sees,
    Written,
    sent,
)

THREE = (
    Open(),
    Cell("c0", "%%langswarm\none"),
    Cell("c1", "%%langswarm\ntwo"),
    Cell("c2", "%%langswarm\nthree"),
)
"""A notebook whose cells were run in order."""

RUNNING = (
    # ---- the key
    Written(
        "Two asks of a cell in a session that it makes are one conversation",
        (
            Open(),
            Cell("c0", "ls.ask('one', session='s')\nls.ask('two', session='s')"),
            Sees((sent("one"), sent("two", "one"))),
            Cell("c0", "ls.ask('one', session='s')\nls.ask('two, please', session='s')"),
            Sees((sent("one"), sent("two, please", "one -> a: one #2"))),
        ),
    ),
    Written(
        "Asks in loops and functions are counted like asks of a cell",
        (
            Open(),
            Cell("c0", "def ask(text):\n    ls.ask(text)\n\nfor text in ['one', 'two']:\n    ask(text)"),
            Sees((sent("one"), sent("two", "one"))),
            Cell("c1", "%%langswarm\nthree"),
            Cell("c0", "ls.ask('one, please')\nls.ask('two, please')"),
            Sees((sent("one, please"), sent("two, please", "one, please"))),
            Cell("c1", "%%langswarm\nthree, please"),
            Sees((sent("three, please", "one, please", "two, please"),)),
        ),
    ),
    Written(
        "Asks from threads are counted by the order of the calls",
        (
            Open(),
            Cell(
                "c0",
                "from concurrent.futures import ThreadPoolExecutor\n"
                "with ThreadPoolExecutor(1) as pool:\n    list(pool.map(ls.ask, ['one', 'two']))",
            ),
            Sees((sent("one"), sent("two", "one"))),
            Cell("c0", "ls.ask('one, please')\nls.ask('two, please')"),
            Sees((sent("one, please"), sent("two, please", "one, please"))),
        ),
    ),
    Written(
        "All doors count alike",
        (
            Open(),
            Cell("c0", "%%langswarm\none"),
            Cell("c0", "ls.ask('one, please')"),
            Sees((sent("one, please"),)),
            Cell("c1", "%%langswarm\ntwo"),
            Sees((sent("two", "one, please"),)),
        ),
    ),
    Written(
        "A session that each cell names for itself has its own turns of a cell",
        (
            Open(),
            Cell("c0", "%%langswarm\none"),
            Cell("c0", "%%langswarm -S s\none"),
            Sees((sent("one"),)),
            Cell("c1", "%%langswarm\ntwo"),
            Sees((sent("two", "one"),)),
            Cell("c2", "%%langswarm -S s\nthree"),
            Sees((sent("three", "one -> a: one #2"),)),
        ),
        EVERYWHERE,
    ),
    # ---- 4.1
    Written(
        "The same cell again makes a new version at its place, and says what stays with the old one",
        (
            *THREE,
            Cell("c0", "%%langswarm\none, please"),
            Sees((sent("one, please"),), (r"2 later turns stay with 0\.1",)),
            Cell("c1", "%%langswarm\ntwo"),
            Sees((sent("two", "one, please"),)),
        ),
    ),
    Written(
        "A prompt that is edited in the panel and run again in its cell is one turn",
        (
            Open(),
            Cell("c0", "%%langswarm\none"),
            Cell("c1", "%%langswarm\ntwo"),
            Panel("edit 1 two, please"),
            Sees((sent("two, please", "one"),)),
            Cell("c1", "%%langswarm\ntwo, again"),
            Sees((sent("two, again", "one"),)),
            Cell("c2", "%%langswarm\nthree"),
            Sees((sent("three", "one", "two, again"),)),
            Cell("c3", "%langswarm use 1.2"),
            Cell("c4", "%%langswarm\nfour"),
            Sees((sent("four", "one", "two, please"),)),
        ),
    ),
    Written(
        "A cell that is run after an edit, a retry and a use sends what stands in it",
        (
            Open(),
            Cell("c0", "%%langswarm\none"),
            Panel("edit 0 edited"),
            Cell("c1", "%langswarm retry"),
            Sees((sent("edited"),)),
            Cell("c2", "%langswarm use 0.2"),
            Open(),
            Cell("c0", "%%langswarm\none, please"),
            Sees((sent("one, please"),)),
            Cell("c3", "%%langswarm\ntwo"),
            Sees((sent("two", "one, please"),)),
        ),
        IN_LAB,
    ),
    Written(
        "An answer that the panel asked for again is a version of the same turn",
        (
            Open(),
            Cell("c0", "%%langswarm\none"),
            Panel("regenerate 0"),
            Sees((sent("one"),)),
            Cell("c1", "%%langswarm\ntwo"),
            Sees((sent("two", "one -> a: one #2"),)),
            Cell("c2", "%langswarm use 0.1"),
            Cell("c3", "%%langswarm\nthree"),
            Sees((sent("three", "one"),)),
        ),
        EVERYWHERE,
    ),
    Written(
        "The new version of a hidden turn is not hidden",
        (
            Open(),
            Cell("c0", "%%langswarm\none"),
            Cell("c1", "%langswarm hide 0"),
            Cell("c0", "%%langswarm\none, please"),
            Cell("c2", "%%langswarm\ntwo"),
            Sees((sent("two", "one, please"),)),
        ),
    ),
    Written(
        "A turn that is not on the path is asked at the tip",
        (
            Open(),
            Cell("c0", "%%langswarm\none"),
            Cell("c1", "%%langswarm\ntwo"),
            Cell("c2", "%langswarm undo"),
            Cell("c3", "%%langswarm\nthree"),
            Cell("c1", "%%langswarm\ntwo, please"),
            Sees((sent("two, please", "one", "three"),)),
            Cell("c4", "%langswarm use 1.1"),
            Cell("c5", "%%langswarm\nfour"),
            Sees((sent("four", "one", "two"),)),
        ),
    ),
    # ---- 4.2
    Written(
        "A new kernel that runs the cells out of order drops nothing that it asked",
        (
            *THREE,
            Open(),
            Cell("c2", "%%langswarm\nthree"),
            Sees((sent("three", "one", "two"),)),
            Cell("c0", "%%langswarm\none"),
            Sees(
                (sent("one", "two", "three -> a: three #2"),), ("turn 0 is hidden, asked again at the end",)
            ),
            Cell("c1", "%%langswarm\ntwo"),
            Sees(
                (sent("two", "three -> a: three #2", "one -> a: one #2"),),
                ("turn 1 is hidden, asked again at the end",),
            ),
        ),
        IN_LAB,
    ),
    Written(
        "A prompt that is edited later in the same kernel knows nothing of the turns that followed",
        (
            *THREE,
            Cell("c1", "%%langswarm\ntwo, please"),
            Sees((sent("two, please", "one"),), (r"1 later turn stays with 1\.1",)),
        ),
    ),
    Written(
        "What the panel asked is not behind a cell",
        (
            Open(),
            Cell("c0", "%%langswarm\none"),
            Open(),
            Panel("send two"),
            Sees((sent("two", "one"),)),
            Cell("c0", "%%langswarm\none, please"),
            Sees((sent("one, please"),), (r"1 later turn stays with 0\.1",)),
        ),
        IN_LAB,
    ),
    # ---- 4.3 and 4.4
    Written(
        "A chosen comparison is run again as a comparison, and the choice falls back to the first answer",
        (
            Open(),
            Cell("c0", "%%langswarm\none"),
            Cell("c1", "%%langswarm -m a -m b\ntwo"),
            Cell("c2", "%langswarm use 1.2"),
            Cell("c3", "%%langswarm\nthree"),
            Sees((sent("three", "one", "two -> b: two"),)),
            Cell("c1", "%%langswarm -m a -m b\ntwo"),
            Sees(
                (sent("two", "one"),) * 2, (r"the choice falls back to 1\.3", r"1 later turn stays with 1\.2")
            ),
            Cell("c4", "%%langswarm\nfour"),
            Sees((sent("four", "one", "two -> a: two #2"),)),
        ),
    ),
    Written(
        "A comparison as the first ask is run again as itself",
        (
            Open(),
            Cell("c0", "%%langswarm -m a -m b\none"),
            Cell("c1", "%%langswarm\ntwo"),
            Open(),
            Cell("c0", "%%langswarm -m a -m b\none"),
            Cell("c1", "%%langswarm\ntwo, please"),
            Sees((sent("two, please"),)),
            Cell("c2", "%%langswarm\nthree"),
            Sees((sent("three", "two, please"),)),
        ),
        IN_LAB,
    ),
    Written(
        "An appended cell means its newest turn",
        (
            Open(),
            Cell("c0", "%%langswarm --append\none"),
            Cell("c0", "%%langswarm --append\none"),
            Sees((sent("one", "one"),)),
            Cell("c0", "%%langswarm\none, please"),
            Sees((sent("one, please", "one"),)),
        ),
    ),
    Written(
        "Replace hides the other versions of this turn in this place, and none on another branch",
        (
            Open(),
            Cell("c0", "%%langswarm\none"),
            Cell("c1", "%%langswarm\ntwo"),
            Cell("c2", "%langswarm fork 0 idea"),
            Cell("c3", "%%langswarm\nthree"),
            Cell("c4", "%langswarm branch main"),
            Cell("c1", "%%langswarm --replace\ntwo, please"),
            Sees((sent("two, please", "one"),)),
            Cell("c5", "%langswarm use 1.1"),
            Cell("c6", "%%langswarm\nfour"),
            Sees((sent("four", "one"),)),
            Cell("c7", "%langswarm branch idea"),
            Cell("c8", "%%langswarm\nfive"),
            Sees((sent("five", "one", "three"),)),
        ),
    ),
)
