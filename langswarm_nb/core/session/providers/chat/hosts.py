"""What differs between the services that speak Chat Completions."""

from __future__ import annotations

from dataclasses import dataclass

from langswarm_nb.core.session.providers._dialect.http_session import Service
from langswarm_nb.core.session.providers._dialect.wire import RefusedOption


@dataclass(frozen=True, slots=True)
class Host(Service):
    """How one service differs from the others."""

    token_variable: str | None = None
    """Environment variable of a token that goes as a bearer where there is no key."""
    version_variable: str | None = None
    """Environment variable for the option ``api_version``."""
    header_variables: tuple[tuple[str, str], ...] = ()
    """Other headers, and the environment variables that hold them."""
    limit_name: str = "max_tokens"
    """Its name for the option ``max_tokens``."""
    has_stream_options: bool = True
    """Whether it takes ``stream_options`` to tell usage in streams."""
    is_openai: bool = False
    """Whether OpenAI's own rules for models hold: see `OPENAI_REFUSES`."""
    sends_reasoning: bool = False
    """Whether it wants ``reasoning_details`` back unchanged."""


def _local(port: int, url_variable: str, *key_variables: str) -> Host:
    url = f"http://127.0.0.1:{port}/v1"
    return Host(url, key_variables, needs_key=False, url_variables=(url_variable,))


_OPENAI = Host(
    "https://api.openai.com/v1",
    ("OPENAI_API_KEY",),
    url_variables=("OPENAI_BASE_URL",),
    header_variables=(("OpenAI-Organization", "OPENAI_ORG_ID"), ("OpenAI-Project", "OPENAI_PROJECT_ID")),
    limit_name="max_completion_tokens",
    is_openai=True,
)
HOSTS: dict[str, Host] = {
    "openai": _OPENAI,
    "openai-chat": _OPENAI,
    "azure": Host(
        None,
        ("AZURE_OPENAI_API_KEY",),
        url_variables=("AZURE_OPENAI_ENDPOINT",),
        key_header=("api-key", ""),
        token_variable="AZURE_OPENAI_AD_TOKEN",  # noqa: S106 - its name
        version_variable="OPENAI_API_VERSION",
        limit_name="max_completion_tokens",
        is_openai=True,
    ),
    "groq": Host("https://api.groq.com/openai/v1", ("GROQ_API_KEY",)),
    "openrouter": Host("https://openrouter.ai/api/v1", ("OPENROUTER_API_KEY",), sends_reasoning=True),
    "deepseek": Host("https://api.deepseek.com", ("DEEPSEEK_API_KEY",)),
    "litellm": _local(4000, "LITELLM_BASE_URL", "LITELLM_API_KEY"),
    "llamacpp": _local(8080, "LLAMACPP_BASE_URL", "LLAMA_API_KEY"),
    "lmstudio": _local(1234, "LMSTUDIO_BASE_URL"),
    "ollama-chat": _local(11434, "OLLAMA_BASE_URL", "OLLAMA_API_KEY"),
    "vllm": _local(8000, "VLLM_BASE_URL", "VLLM_API_KEY"),
    "openai-compatible": Host(None, needs_key=False, url_variables=("OPENAI_COMPATIBLE_BASE_URL",)),
}
"""Provider name -> what is special about it."""

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
