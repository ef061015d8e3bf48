"""What each provider of ours is, one row each: where its class is, how its service is reached, what is special.

Reading the rows loads no provider and no HTTP, so that all who know a name only, as stored replies do, can ask here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "FREE_PROVIDERS",
    "OFFLINE_PROVIDERS",
    "OWN_PROVIDERS",
    "PROVIDERS",
    "ChatHost",
    "Provider",
    "maker_of",
    "otel_name",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """What one provider is."""

    factory: str
    """``"module:attribute"``, the module being one of this folder."""
    base_url: str | None = None
    """None: the caller must name it, or there is none."""
    key_variables: tuple[str, ...] = ()
    """Environment variables for its key; the first that is set counts."""
    token_variable: str | None = None
    """Environment variable of a token that goes as a bearer where there is no key."""
    needs_key: bool = True
    url_variables: tuple[str, ...] = ()
    """Environment variables for its address."""
    key_header: tuple[str, str] = ("Authorization", "Bearer ")
    """The header that holds the key, and what stands before the key in it."""
    ending: str = ""
    """Pattern of what the paths begin with: people copy it with the address, and it is left away."""
    on_this_machine: Mapping[str, Any] = field(default_factory=dict)
    """Fields that are different where the address is this machine."""
    is_offline: bool = False
    """It answers in this process, whatever the model is called: nothing leaves, and nobody keeps anything."""
    is_free: bool = False
    """It costs nothing, so that its price is not missed."""
    is_own: bool = False
    """It is a server that people run themselves, for whose answers nobody sends a bill."""
    elsewhere: str | None = None
    """The provider whose API more servers have, to be named where this one's is not found at another address."""
    families: tuple[str, ...] = ()
    """How names of models begin that are its own, so that a name alone suggests it."""
    otel_name: str = ""
    """OpenTelemetry's name for it, where that is not ours."""

    def prepared_by(self, environment: Mapping[str, str]) -> str:
        """Return the variable by which somebody has prepared its use; empty when there is none."""
        address = _first_set(environment, self.url_variables)
        if not self.needs_key:
            return address
        return self.key_variable(environment) if address or self.base_url else ""

    def key_variable(self, environment: Mapping[str, str]) -> str:
        """Return the variable that holds its key, else its token; empty when there is none."""
        return _first_set(environment, [*self.key_variables, self.token_variable or ""])


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatHost(Provider):
    """A service that speaks Chat Completions, and how it differs from the others."""

    factory: str = "chat:ChatProviderSession"
    ending: str = "/(?:chat/completions|completions|responses|models)"
    version_variable: str | None = None
    """Environment variable for the option ``api_version``."""
    header_variables: tuple[tuple[str, str], ...] = ()
    """Other headers, and the environment variables that hold them."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers that it wants, or that make it report more."""
    limit_name: str = "max_tokens"
    """Its name for the option ``max_tokens``."""
    has_stream_options: bool = True
    """Whether it takes ``stream_options`` to report usage in streams."""
    is_openai: bool = False
    """Whether OpenAI's own rules for models hold: see `chat.model_rules`."""
    sends_reasoning: bool = False
    """Whether it wants ``reasoning_details`` back unchanged."""
    json_mode: Literal["json_object", "json_schema", ""] = "json_object"
    """What holds a model to JSON that was asked for in words; a host that is not known may take a schema or not."""
    routes_by_what_is_asked: bool = False
    """Whether it passes requests on, and has to be told that all that is asked for counts."""
    thinks_at_choice: bool = False
    """Whether its models refuse, while they think, to be made to call a tool."""
    streams_schemas: bool = True
    """Whether an answer that is held to a schema can be streamed."""
    wants_thinking: bool = False
    """Whether it refuses calls of tools that come back without the ``reasoning_content`` before them."""


def _local(port: int, url_variable: str, *key_variables: str, is_own: bool = True, **more: Any) -> ChatHost:
    return ChatHost(
        **more,
        is_own=is_own,
        base_url=f"http://127.0.0.1:{port}/v1",
        key_variables=key_variables,
        needs_key=False,
        url_variables=(url_variable,),
    )


PROVIDERS: dict[str, Provider] = {
    "mock": Provider(factory="mock:MockProviderSession", needs_key=False, is_offline=True, is_free=True),
    "openai": Provider(
        factory="openai:OpenAIProviderSession",
        base_url="https://api.openai.com/v1",
        key_variables=("OPENAI_API_KEY",),
        url_variables=("OPENAI_BASE_URL",),
        ending="/(?:responses|conversations|chat/completions|models)",
        elsewhere="openai-chat",
        families=("gpt-", "chatgpt-", "o1", "o3", "o4"),
        on_this_machine={"needs_key": False},
    ),
    "anthropic": Provider(
        factory="anthropic:AnthropicProviderSession",
        base_url="https://api.anthropic.com",
        key_variables=("ANTHROPIC_API_KEY",),
        token_variable="ANTHROPIC_AUTH_TOKEN",  # noqa: S106 - its name
        url_variables=("ANTHROPIC_BASE_URL",),
        key_header=("x-api-key", ""),
        ending="/v1(?:/messages|/models)?",
        families=("claude",),
        on_this_machine={"needs_key": False},
    ),
    "gemini": Provider(
        factory="gemini:GeminiProviderSession",
        base_url="https://generativelanguage.googleapis.com",
        key_variables=("GOOGLE_API_KEY", "GEMINI_API_KEY"),
        url_variables=("GOOGLE_GEMINI_BASE_URL",),
        key_header=("x-goog-api-key", ""),
        families=("gemini",),
        ending=r"/(?:models(?:/[^/:]+(?::\w+)?)?|interactions)",
        otel_name="gcp.gemini",
    ),
    "mistral": Provider(
        factory="mistral:MistralProviderSession",
        base_url="https://api.mistral.ai",
        key_variables=("MISTRAL_API_KEY",),
        ending="/v1(?:/chat/completions|/conversations|/models)?",
        families=("mistral", "ministral", "magistral", "codestral", "devstral", "pixtral"),
        otel_name="mistral_ai",
    ),
    "groq": ChatHost(
        base_url="https://api.groq.com/openai/v1", key_variables=("GROQ_API_KEY",), streams_schemas=False
    ),
    "openrouter": ChatHost(
        base_url="https://openrouter.ai/api/v1",
        key_variables=("OPENROUTER_API_KEY",),
        sends_reasoning=True,
        json_mode="json_schema",
        routes_by_what_is_asked=True,
    ),
    "deepseek": ChatHost(
        base_url="https://api.deepseek.com",
        key_variables=("DEEPSEEK_API_KEY",),
        wants_thinking=True,
        thinks_at_choice=True,
        families=("deepseek-",),
    ),
    "cohere": Provider(
        factory="cohere:CohereProviderSession",
        base_url="https://api.cohere.com",
        key_variables=("CO_API_KEY",),
        url_variables=("CO_API_URL",),
        ending="/v[12](?:/chat)?",
        families=("command-",),
    ),
    "ollama": Provider(
        factory="ollama:OllamaProviderSession",
        base_url="http://127.0.0.1:11434",
        is_own=True,
        key_variables=("OLLAMA_API_KEY",),
        needs_key=False,
        url_variables=("OLLAMA_HOST",),
        ending="/v1(?:/chat/completions)?|/api(?:/chat|/generate|/tags)?",
        on_this_machine={"key_variables": ()},
        families=("llama", "qwen", "gemma", "phi"),
    ),
    "openai-chat": ChatHost(
        base_url="https://api.openai.com/v1",
        key_variables=("OPENAI_API_KEY",),
        url_variables=("OPENAI_BASE_URL",),
        header_variables=(("OpenAI-Organization", "OPENAI_ORG_ID"), ("OpenAI-Project", "OPENAI_PROJECT_ID")),
        limit_name="max_completion_tokens",
        is_openai=True,
    ),
    "azure": ChatHost(
        key_variables=("AZURE_OPENAI_API_KEY",),
        token_variable="AZURE_OPENAI_AD_TOKEN",  # noqa: S106
        url_variables=("AZURE_OPENAI_ENDPOINT",),
        key_header=("api-key", ""),
        version_variable="OPENAI_API_VERSION",
        limit_name="max_completion_tokens",
        is_openai=True,
        otel_name="azure.ai.openai",
    ),
    "litellm": _local(
        4000,
        "LITELLM_BASE_URL",
        "LITELLM_API_KEY",
        is_own=False,  # it asks services that cost money
        headers={"x-litellm-include-cost-in-streaming-usage": "true"},
    ),
    "llamacpp": _local(8080, "LLAMACPP_BASE_URL", "LLAMA_API_KEY"),
    "lmstudio": _local(1234, "LMSTUDIO_BASE_URL", json_mode="json_schema"),
    "ollama-chat": _local(11434, "OLLAMA_BASE_URL", "OLLAMA_API_KEY"),
    "vllm": _local(8000, "VLLM_BASE_URL", "VLLM_API_KEY"),
    "openai-compatible": ChatHost(
        needs_key=False, url_variables=("OPENAI_COMPATIBLE_BASE_URL",), json_mode="json_schema"
    ),
}
"""Provider's name -> what it is; what a user has prepared is suggested in this order. Providers of other packages have
no row: they are neither offline nor free."""

OFFLINE_PROVIDERS = frozenset(name for name, provider in PROVIDERS.items() if provider.is_offline)
FREE_PROVIDERS = frozenset(name for name, provider in PROVIDERS.items() if provider.is_free)
OWN_PROVIDERS = frozenset(name for name, provider in PROVIDERS.items() if provider.is_own)


def otel_name(name: str) -> str:
    """Return OpenTelemetry's name for a provider; ours where it has none."""
    provider = PROVIDERS.get(name)
    return provider.otel_name or name if provider else name


def maker_of(model: str) -> str:
    """Return the provider whose model a name alone means; empty when it may be anybody's."""
    name = model.lower()
    return next((maker for maker, row in PROVIDERS.items() if name.startswith(row.families or "\0")), "")


def _first_set(environment: Mapping[str, str], variables: Sequence[str]) -> str:
    return next((name for name in variables if name and environment.get(name, "").strip()), "")
