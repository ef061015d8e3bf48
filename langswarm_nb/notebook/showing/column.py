"""`Column`: what is shown about a reply that stands beside others."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """What stands above and below a reply in a page that shows it beside others; all of it plain text."""

    subtitle: str
    """Beside its title: seconds and price."""
    footer: str
    next_step: tuple[str, str] | None = None
    """What can be done with it, in words, and the line to type for that."""
