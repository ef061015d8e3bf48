"""The table as text, and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from tests.bench.row import Counts, Measured, Row

HEAD = ("row", "floor", "ours", "ratio", "target")


def cells(one: Measured) -> tuple[str, ...]:
    """Return what the table says of a row."""
    row = one.row
    floor = "-" if one.floor is None else _number(one.floor)
    ratio = "-" if one.ratio is None else f"{one.ratio:.2f}"
    peers = ", ".join(f"{name} {_number(cost)}" for name, cost in one.peers.items())
    return (
        row.name.strip(),
        floor,
        f"{_number(one.ours)} {row.unit}".strip(),
        ratio,
        f"{target(row)}{'' if one.is_reached else ' ✗'}",
        peers,
    )


def target(row: Row) -> str:
    """Return a row's target in words."""
    unit = f" {row.unit.split()[0]}" if row.unit and row.counts is not Counts.TIMES else ""
    return {
        Counts.TIMES: f"≤ {row.target:g} x",
        Counts.MORE: f"≤ {row.target:g}{unit} more",
        Counts.OURS: f"≤ {row.target:g}{unit}",
    }[row.counts]


def as_text(table: Sequence[Measured]) -> str:
    """Return the table for a terminal."""
    lines = [_head(table), *map(cells, table)]
    lines = [line[: len(lines[0])] for line in lines]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    told = [
        "  ".join(_placed(cell, width, at) for at, (cell, width) in enumerate(zip(line, widths, strict=True)))
        for line in lines
    ]
    return "\n".join(line.rstrip() for line in told)


def as_markdown(table: Sequence[Measured]) -> str:
    """Return the table for a page."""
    head = _head(table)
    lines = [head, tuple("---" if at in {0, 4, 5} else "---:" for at in range(len(head))), *map(cells, table)]
    return "\n".join("| " + " | ".join(line[: len(head)]) + " |" for line in lines)


def summary(table: Sequence[Measured]) -> str:
    """Return how many rows are where they have to be."""
    return f"{sum(one.is_reached for one in table)} of {len(table)} rows reach their target (✗ does not)."


def _head(table: Sequence[Measured]) -> tuple[str, ...]:
    return (*HEAD, "peers") if any(one.peers for one in table) else HEAD


def _placed(cell: str, width: int, column: int) -> str:
    return cell.rjust(width) if column in {1, 2, 3} else cell.ljust(width)


def _number(value: float) -> str:
    if value == round(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
