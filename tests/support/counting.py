"""A model that counts until somebody stops it, however long that takes on a busy machine."""

from __future__ import annotations


def counting(replies: str = "[numbers] * 100", *, provider: str = "mock") -> str:
    """Return code for a kernel that has the extension: from now on ``provider`` gives these replies.

    Parameters
    ----------
    replies
        An expression; ``numbers`` in it is the reply without an end.
    provider
        The name by which cells and panels ask for it.
    """
    return f"""
import itertools
from langswarm_nb.core.session import get_session_manager
from langswarm_nb.core.session.providers.mock import MockProviderSession
numbers = lambda request: (f"{{number}} " for number in itertools.count(1))
get_session_manager().add_provider_session("{provider}", MockProviderSession(replies={replies}, delay_s=0.05))
"""
