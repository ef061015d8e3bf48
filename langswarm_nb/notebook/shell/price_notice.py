"""Unknown prices, told in one line below the cell: a red block for each model would look like a failure."""

from __future__ import annotations

import warnings
from typing import Any


class PriceNotice:
    """Catches the warnings of a cell about prices; all others are shown as ever."""

    def __init__(self) -> None:
        self._models: list[str] = []
        self._show_others: Any = None
        self._depth = 0  # a cell may run another

    def begin(self, *_: object) -> None:
        """Begin with a cell."""
        self._depth += 1
        if self._depth == 1:
            self._show_others, warnings.showwarning = warnings.showwarning, self._show

    def end(self, *_: object) -> None:
        """End with it, and say what it brought."""
        self._depth = max(0, self._depth - 1)
        if self._depth:
            return
        if self._show_others is not None:
            warnings.showwarning, self._show_others = self._show_others, None
        models, self._models = self._models, []
        if models:
            print(  # noqa: T201
                f"Costs without a price are NA: {', '.join(models)}. "
                "`langswarm_nb.set_price(model, input_usd_per_mtok, output_usd_per_mtok)` sets one."
            )

    def _show(self, message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        model = getattr(message, "unpriced_model", None)
        if model is not None:
            self._models.append(model)
        else:
            self._show_others(message, category, *where, **more)
