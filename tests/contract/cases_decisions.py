"""Services that decide: how each is reached, a whole answer of it, and the vendor's own types of both ways."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from langswarm_nb.core.session.answers.questions import Question, levels, questions_of
from langswarm_nb.core.session.providers import create_provider
from tests.contract.provider_cases import CANARY

QUESTIONS: tuple[Question, ...] = questions_of(
    {
        "spam": bool,
        "topic": {"billing": "about money", "bug": ""},
        "anger": levels("calm", ("annoyed", "complains"), "furious"),
    }
)
TEXT = "I was charged twice, and nobody answers! 世界 🎉"
OPENAI_ANSWER: Mapping[str, Any] = {
    "model": "gpt-6-luna-2026-10-01",
    "answers": [
        {"type": "predicate", "name": "spam", "probability": 0.07},
        {
            "type": "choice",
            "name": "topic",
            "choice": "billing",
            "confidence": 0.91,
            "probabilities": [
                {"value": "billing", "probability": 0.91},
                {"value": "bug", "probability": 0.08},
            ],
        },
        {
            "type": "score",
            "name": "anger",
            "score": 1.7,
            "confidence": 0.72,
            "probabilities": [
                {"value": 0, "label": "calm", "probability": 0.02},
                {"value": 1, "label": "annoyed", "probability": 0.26},
                {"value": 2, "label": "furious", "probability": 0.72},
            ],
        },
    ],
    "usage": {
        "input_tokens": 120,
        "input_tokens_details": {"cached_tokens": 64, "cache_write_tokens": 8},
        "output_tokens": 0,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 120,
    },
}
_TOPIC = {
    "type": "choice",
    "choice": "billing",
    "confidence": 0.91,
    "probabilities": {"billing": 0.91, "bug": 0.08},
}
_ANGER = {
    "type": "score",
    "score": 1.7,
    "confidence": 0.72,
    "probabilities": {"0": 0.02, "1": 0.26, "2": 0.72},
    "legend": {"0": "calm", "1": "annoyed: complains", "2": "furious"},
}
GEMINI_ANSWER: Mapping[str, Any] = {
    "answers": {
        "spam": {"type": "noul", "noul": 0.07, "confidence": 0.93},
        "topic": _TOPIC,
        "anger": _ANGER,
    },
    "usage": {
        "total_input_tokens": 120,
        "total_cached_tokens": 64,
        "total_output_tokens": 0,
        "total_tokens": 120,
    },
}
SYSTEM_ONE_ANSWER: Mapping[str, Any] = {
    "model": "system-one",
    "answers": {"spam": {"type": "noul", "noul": 0.07}, "topic": _TOPIC, "anger": _ANGER},
    "usage": {"input_tokens": 120, "output_tokens": 0},
}


@dataclass(frozen=True)
class DecidingService:
    """One service that decides."""

    name: str
    form: str
    """``openai``, ``gemini`` or ``system_one``."""
    path: str
    """Where the questions go."""
    provider: str = ""
    """Its provider, where that has another name."""
    suffix: str = ""
    """What stands behind the origin in its address."""

    @property
    def answer(self) -> Mapping[str, Any]:
        """A whole answer to `QUESTIONS`."""
        return ANSWERS[self.form]

    def create(self, url: str, **more: Any) -> Any:
        """Return a session for an address, with the key `CANARY`."""
        return create_provider(self.provider or self.name, CANARY, base_url=url + self.suffix, **more)


ANSWERS = {"openai": OPENAI_ANSWER, "gemini": GEMINI_ANSWER, "system_one": SYSTEM_ONE_ANSWER}
SERVICES: Mapping[str, DecidingService] = {
    service.name: service
    for service in (
        DecidingService("openai", "openai", "/v1/decisions", suffix="/v1"),
        DecidingService("openai-chat", "openai", "/v1/decisions", suffix="/v1"),
        DecidingService("azure", "openai", "/openai/v1/decisions"),
        DecidingService("litellm", "openai", "/v1/decisions", suffix="/v1"),
        DecidingService("openai-compatible", "openai", "/v1/decisions", suffix="/v1"),
        DecidingService("gemini", "gemini", "/v1beta/decisions"),
        DecidingService("ollama", "system_one", "/v1/systemone"),
        DecidingService("ollama-chat", "system_one", "/v1/systemone", suffix="/v1"),
        DecidingService("lmstudio", "system_one", "/v1/systemone", suffix="/v1"),
        DecidingService("vllm", "system_one", "/v1/systemone", suffix="/v1"),
        DecidingService("openrouter", "system_one", "/api/alpha/decisions", suffix="/api/v1"),
    )
}
ONE_OF_EACH = [SERVICES[name] for name in ("openai", "gemini", "ollama")]
"""A service for each form."""
Change = Callable[[Any], object]
