"""Which models answer questions with probabilities: patterns of their names, by provider.

For hosts that run whatever they are given, the names are all there is to go by.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

_LUNA = r"(?:.*/)?gpt-6-luna.*"
_ANY = r"(?:.*/)?(?:gpt-6-luna|(?:.*[-_:./])?(?:decision|decider|system-?one)).*"

DECIDERS: Mapping[str, str] = {
    "mock": r".*",
    "openai": _LUNA,
    "openai-chat": _LUNA,
    "azure": _ANY,
    "gemini": r"(?:models/)?gemini-decision.*",
    "openrouter": _ANY,
    "ollama": _ANY,
    "ollama-chat": _ANY,
    "lmstudio": _ANY,
    "vllm": _ANY,
    "litellm": _ANY,
    "openai-compatible": _ANY,
}
"""Provider's name -> pattern of whole names in lower case."""


_LOOKS_AT: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("openai", "openai-chat", "azure", "litellm", "openai-compatible"), ("image/",)),
    **dict.fromkeys(("openrouter", "ollama", "ollama-chat", "lmstudio", "vllm"), ()),
}
"""Provider's name -> how the media types begin that it decides about; all that its models take for others."""


def looks_at(provider: str, media_types: Sequence[str]) -> tuple[str, ...]:
    """Return which of the media types that its models take a provider decides about."""
    known = _LOOKS_AT.get(provider)
    return tuple(one for one in media_types if known is None or one.startswith(known))


def decides(provider: str, model: str) -> bool:
    """Return whether a model is known to answer questions with probabilities."""
    return re.fullmatch(DECIDERS.get(provider, r"(?!)"), model.lower()) is not None
