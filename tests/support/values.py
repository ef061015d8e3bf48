"""A scripted provider whose models can be asked for values in some ways."""

from __future__ import annotations

from typing import Any

from langswarm_nb.core.session.provider_events import Intake
from langswarm_nb.core.session.providers.mock import MockProviderSession


class Asked(MockProviderSession):
    """A mock with an intake of its own: by default, its models are asked for values in words.

    Parameters
    ----------
    intake : Intake, optional
        What they take.
    **config
        As for the mock.
    """

    def __init__(self, intake: Intake | None = None, **config: Any) -> None:
        super().__init__(**config)
        self._takes = intake or Intake(routes=("prompt",))

    async def intake(self, model: str, *, native: bool = False) -> Intake:
        """Return what was told."""
        return self._takes
