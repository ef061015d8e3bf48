"""Written walks: settings and views (sections 6 and 7 of the model of a conversation)."""

from __future__ import annotations

from tests.conversation.written import (
    EVERYWHERE,
    IN_LAB,
    Cell,
    Open,
    Sees,
    Written,
    sent,
)

SETTINGS = (
    # ---- 6, settings
    Written(
        "The first real model that is named becomes the session's, and no model after it",
        (
            Open(model=None),
            Cell("c0", "%%langswarm -m a\none"),
            Sees((sent("one"),), ("a is now the model of this session",)),
            Cell("c1", "%%langswarm -m b\ntwo"),
            Cell("c2", "%%langswarm\nthree"),
            Sees((sent("three", "one", "two -> b: two"),)),
        ),
        EVERYWHERE,
    ),
    Written(
        "A model of the environment overwrites nothing that was chosen",
        (
            Open(),
            Cell("c0", "%langswarm use b"),
            Cell("c1", "%%langswarm\none"),
            Open(model="a"),
            Cell("c2", "%%langswarm\ntwo"),
            Sees((sent("two", "one", model="b"),)),
            Cell("c3", "%%langswarm\nthree"),
            Sees((sent("three", "one", "two", model="b"),)),
        ),
    ),
    Written(
        "Retry asks again with what was asked with",
        (
            Open(),
            Cell("c0", "%%langswarm\none"),
            Cell("c1", '%%langswarm -m b -s "Be brief."\ntwo'),
            Cell("c2", "%langswarm retry"),
            Sees((sent("two", "one", system="Be brief."),)),
            Cell("c3", "%%langswarm\nthree"),
            Sees((sent("three", "one", "two -> b: two #2", system="Be brief."),)),
        ),
        EVERYWHERE,
    ),
    Written(
        "Retry after a comparison asks the comparison",
        (
            Open(),
            Cell("c0", "%%langswarm\none"),
            Cell("c1", "%%langswarm -m a -m b\ntwo"),
            Cell("c2", "%langswarm retry"),
            Sees((sent("two", "one"),) * 2),
            Cell("c3", "%langswarm use 1.4"),
            Cell("c4", "%%langswarm\nthree"),
            Sees((sent("three", "one", "two -> b: two #2"),)),
        ),
        EVERYWHERE,
    ),
    Written(
        "Retry of a chosen comparison asks the comparison, and counts as asked by the cell that asked it",
        (
            Open(),
            Cell("c0", "%%langswarm\none"),
            Cell("c1", "%%langswarm -m a -m b\ntwo"),
            Cell("c2", "%langswarm use 1.1"),
            Open(),
            Cell("c1", "%%langswarm -m a -m b\ntwo"),
            Cell("c3", "%langswarm use 1.4"),
            Cell("c4", "%langswarm retry"),
            Sees((sent("two", "one"), sent("two", "one")), (r"falls back to 1\.5",)),
            Cell("c0", "%%langswarm\none"),
            Sees((sent("one", "two -> a: two #3"),), (r"turn 0 is hidden, asked again at the end",)),
        ),
        IN_LAB,
    ),
    Written(
        "Retry asks no aside and no dry run, and says when there is nothing",
        (
            Open(),
            Cell("c0", "%langswarm retry"),
            Sees((), is_refused=True),
            Cell("c1", "%%langswarm\none"),
            Cell("c2", "%%langswarm --no-history\nbeside"),
            Cell("c3", "%%langswarm --dry-run\ntwo"),
            Cell("c4", "%langswarm retry"),
            Sees((sent("one"),)),
        ),
        EVERYWHERE,
    ),
    Written(
        "Budget and timeout of ls.ask are not options of the provider",
        (
            Open(),
            Cell("c0", "ls.ask('one', timeout=30, budget=5)"),  # short on purpose: what is passed on
            Sees((sent("one"),), options={"timeout": None, "budget": None}),
            Cell("c1", "ls.ask('two', temprature=1)"),
            Sees((), told=("temperature",), is_refused=True),
        ),
        EVERYWHERE,
        is_modelled=False,
    ),
    Written(
        "What looks like an expression and is none is refused",
        (
            Open(),
            Cell("c0", "x = 1\nprice = 12345678901.23"),
            Cell("c1", "%%langswarm\none {{ x+1 }}"),
            Sees((), told=(r"\\\{\{",), is_refused=True),
            Cell("c2", "%%langswarm\none {{ _x }}"),
            Sees((), is_refused=True),
            Cell("c3", "%%langswarm\none {{ x|f }}"),
            Sees((), is_refused=True),
            Cell("c4", "%%langswarm -s 'Be {{ x }}.'\none \\{{ x }} {{ price }}"),
            Sees((sent("one {{ x }} 12345678901.23", system="Be 1."),)),
        ),
        EVERYWHERE,
        is_modelled=False,
    ),
    Written(
        "A stop of a line end is sent as a line end",
        (Open(), Cell("c0", '%%langswarm -o stop "\\n"\none'), Sees((sent("one"),), options={"stop": "\n"})),
        EVERYWHERE,
        is_modelled=False,
    ),
    # ---- 7, views
    Written(
        "Exports mark what is hidden, stopped and failed, and an import counts no cost twice",
        (
            Open(),
            Cell("c0", "%%langswarm\none", does={"a": "fail"}),
            Cell("c1", "%%langswarm\ntwo", does={"a": "stop late"}),
            Cell("c2", "%%langswarm\nthree"),
            Cell("c3", "%langswarm hide 2"),
            Cell("c4", "%langswarm export out.md"),
            Cell(
                "c5",
                "text = open('out.md').read()\nfor word in 'failed', 'stopped', 'hidden': assert word in text",
            ),
            Cell("c6", "before = ls.messages_df(all=True).cost_usd.sum()"),
            Cell("c7", "%langswarm export out.jsonl\n%langswarm import out.jsonl"),
            Cell("c8", "assert ls.messages_df(all=True).cost_usd.sum() == before"),
            Cell("c9", "%%langswarm\nfour"),
            Sees((sent("four", "two -> a: two …"),)),
        ),
        EVERYWHERE,
        is_modelled=False,
    ),
    Written(
        "The tree shows every version",
        (
            Open(),
            Cell("c0", "%%langswarm\none"),
            Cell("c0", "%%langswarm\none, please"),
            Cell("c1", "%langswarm tree"),
            Sees(told=(r"0\.1", r"0\.2")),
        ),
        is_modelled=False,
    ),
    Written(
        "The frame says turn, version, and what is active, hidden and aside",
        (
            Open(),
            Cell("c0", "%%langswarm\none"),
            Cell("c1", "%%langswarm --no-history\nbeside"),
            Cell("c0", "%%langswarm\none, please"),
            Cell("c2", "%langswarm hide 0"),
            Cell(
                "c3",
                "f = ls.messages_df(branch='all')\n"
                "f = f[f.role == 'assistant'].set_index(['turn', 'version'])\n"
                "assert list(f.index) == [(0, 1), (1, 1), (0, 2)]\n"
                "assert list(f.is_active) == [False, False, True]\n"
                "assert list(f.is_hidden) == [False, False, True]\n"
                "assert list(f.is_aside) == [False, True, False]\n",
            ),
        ),
        IN_LAB,
        is_modelled=False,
    ),
)
