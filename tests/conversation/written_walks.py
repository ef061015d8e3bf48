"""All written walks; a driver runs them in real kernels with cell ids, with VS Code's variables, and without either."""

from __future__ import annotations

from tests.conversation.written import Written
from tests.conversation.written_names import NAMES
from tests.conversation.written_places import PLACES
from tests.conversation.written_replays import REPLAYS
from tests.conversation.written_running import RUNNING
from tests.conversation.written_sending import SENDING
from tests.conversation.written_settings import SETTINGS

WALKS: tuple[Written, ...] = (*SENDING, *PLACES, *RUNNING, *REPLAYS, *NAMES, *SETTINGS)
