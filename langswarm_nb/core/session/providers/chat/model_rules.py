"""OpenAI's rules for its models, in both of its APIs: which of them think, and which options these refuse."""

from __future__ import annotations

from langswarm_nb.core.session.providers._dialect.wire import RefusedOption

THINKING = r"(?:.*/)?(?:gpt-5(?!\.|.*chat).*|gpt-[6-9](?!.*chat).*|o[1-9](?:-.*)?)"
"""Models that think unless told not to."""
MAY_THINK = r"(?:.*/)?gpt-5\.(?!.*chat).*"
"""Models that think when told to."""
_WHY = "a model that reasons chooses it itself"
OPENAI_REFUSES = (
    *(
        RefusedOption(option, models, _WHY, unless=("reasoning_effort", without))
        for option in ("temperature", "top_p", "logprobs", "top_logprobs")
        for models, without in ((THINKING, ("none",)), (MAY_THINK, ("none", None)))
    ),
    RefusedOption("stop", r"(?:.*/)?(?:o3(?!-mini)|o4-mini)(?:-.*)?", "this model takes no stop sequences"),
    RefusedOption(
        "reasoning_effort",
        r"(?:.*/)?gpt-[6-9].*",
        "its lowest efforts are 'none' and 'low', there is no 'minimal'",
        takes=lambda effort: effort != "minimal",
    ),
)
