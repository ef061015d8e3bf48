"""What the model lists of OpenRouter and llama.cpp's server say about inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


def modalities_in(body: Any) -> dict[str, frozenset[str]]:
    """Return, for the models of a list that says so, the kinds of what they take: ``text``, ``image``, ``audio``."""
    return dict(_told(body)) if isinstance(body, dict) else {}


def parameters_in(body: Any) -> dict[str, frozenset[str]]:
    """Return, for the models of a list that says so (OpenRouter's), the parameters of requests that they take."""
    rows = _objects(body.get("data")) if isinstance(body, dict) else []
    told = {row["id"]: row.get("supported_parameters") for row in rows if isinstance(row.get("id"), str)}
    return {
        model: frozenset(name for name in names if isinstance(name, str))
        for model, names in told.items()
        if isinstance(names, list) and names
    }


def _told(body: dict[str, Any]) -> Iterator[tuple[str, frozenset[str]]]:
    for item in _objects(body.get("models")):  # older servers of llama.cpp say only whether it is text alone
        name, able = item.get("model") or item.get("name"), item.get("capabilities")
        if isinstance(able, list) and isinstance(name, str):
            yield name, frozenset({"text", "image", "audio"} if "multimodal" in able else {"text"})
    for item in _objects(body.get("data")):  # finer, so that it goes before
        architecture = item.get("architecture")
        kinds = architecture.get("input_modalities") if isinstance(architecture, dict) else None
        if isinstance(kinds, list) and isinstance(item.get("id"), str):
            yield item["id"], frozenset(kind for kind in kinds if isinstance(kind, str))


def _objects(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
