"""The tools of the mock: a search and a run of code that only look like it, the same for the same question."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from langswarm_nb.core.session.provider_events import PartDone
from langswarm_nb.core.session.text import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Step: TypeAlias = "str | PartDone"


def played(tools: Sequence[str], question: str) -> list[Step]:
    """Return the texts and parts in which tools are played; the places of sources count from the first text."""
    steps: list[Step] = []
    length = 0
    for scene in (_SCENES[tool](question) for tool in tools if tool in _SCENES):
        steps += [_moved(step, length) for step in scene]
        length += sum(len(step) for step in scene if isinstance(step, str))
    return steps


def _moved(step: Step, length: int) -> Step:
    if isinstance(step, str) or step.part["type"] != "citation":
        return step
    return PartDone({**step.part, **{name: step.part[name] + length for name in ("start", "end")}})


def _search(question: str) -> list[Step]:
    question = one_line(question, 60)
    claims = (
        f"A page of the mock says that “{question}” is a good question.",
        "Another says that no network is needed to ask it.",
    )
    pages = [
        ("The page of good questions", "https://example.com/questions"),
        ("Working offline", "https://example.com/offline"),
    ]
    sources = [{"title": title, "url": url} for title, url in pages]
    action = {"type": "search", "query": question, "sources": sources}
    call = {"type": "web_search_call", "id": "mock_search_1", "status": "completed", "action": action}
    told = f"searched the web for “{question}”"
    steps: list[Step] = [_own(call, told, "\n".join(f"{title}: {url}" for title, url in pages))]
    steps.append(" ".join(claims) + "\n\n")
    start = 0
    for claim, source in zip(claims, sources, strict=True):
        place = {"start": start, "end": start + len(claim)}
        steps.append(PartDone({"type": "citation", **source, "quote": claim, **place}))
        start += len(claim) + 1
    return steps


def _code(question: str) -> list[Step]:
    n_words = len(question.split())
    code = f"print(len({question!r}.split()))"
    call: dict[str, Any] = {
        "type": "code_interpreter_call",
        "id": "mock_code_1",
        "status": "completed",
        "code": code,
    }
    call["outputs"] = [{"type": "logs", "logs": f"{n_words}\n"}]
    found = f"The code counted {n_words} word{'s' * (n_words != 1)} in your question.\n\n"
    return [_own(call, "ran Python code", f"{code}\n{n_words}"), found]


def _own(item: Mapping[str, Any], text: str, detail: str) -> PartDone:
    return PartDone(
        {"type": "vendor", "kind": item["type"], "opaque": dict(item), "text": text, "detail": detail}
    )


_SCENES: Mapping[str, Callable[[str], list[Step]]] = {"web_search": _search, "code_interpreter": _code}
