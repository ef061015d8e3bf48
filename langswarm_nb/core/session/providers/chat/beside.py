"""What hosts put beside a text: its sources in five forms, and what they ran themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langswarm_nb.core.session.provider_events import PartDone
from langswarm_nb.core.session.providers._dialect.citations import Sources
from langswarm_nb.core.session.providers._dialect.history import arguments_object
from langswarm_nb.core.session.providers._dialect.vendor_items import (
    as_words,
    fetched,
    first_text,
    found,
    lines,
    objects,
    searched,
    texts,
    vendor_part,
)
from langswarm_nb.core.session.providers._dialect.whole_items import WholeItems

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

EXECUTED = "executed_tools"
"""What Groq ran itself."""
_RESULTS = ("output", "search_results", "code_results", "browser_results")
_LISTS = ("citations", "search_results")
_KINDS = ("url_citation", "document_citation", "function_citation")


class Beside:
    """What comes beside the text of one reply."""

    def __init__(self) -> None:
        self._sources = Sources()
        self._notes: list[Mapping[str, Any]] = []
        self._lists: dict[str, list[Any]] = {}
        self._ran: dict[Any, dict[str, Any]] = {}
        self._own: WholeItems[dict[str, Any]] = WholeItems()

    def take_body(self, body: Mapping[str, Any]) -> None:
        """Take the lists of a chunk, or of an answer: each chunk has all that were found so far (Perplexity, xAI)."""
        self._lists |= {
            name: body[name] for name in _LISTS if body.get(name) and isinstance(body[name], list)
        }

    def take_message(self, message: Mapping[str, Any]) -> list[PartDone]:
        """Take what a message, or a piece of one, has beside its text; return what the host ran, when it is whole."""
        self._notes += objects(message.get("annotations") or [])
        whole: list[dict[str, Any]] = []
        for number, tool in enumerate(objects(message.get(EXECUTED) or [])):
            place = tool.get("index", number)
            if place not in self._ran:
                self._ran[place] = {}
                self._own.begin(place, self._ran[place])
            self._ran[place] |= {name: value for name, value in tool.items() if value is not None}
            if any(map(tool.get, _RESULTS)):  # first comes what is asked for, then what came of it
                whole += self._own.end(place)
        return _vendors(whole)

    def take_reference(self, chunk: Mapping[str, Any], at: int) -> None:
        """Take a chunk of the content that names sources, after this many characters of the text (Mistral)."""
        for name in chunk.get("reference_ids") or ():
            self._sources.add_behind(at, title=f"reference {name}")

    def vendors(self) -> list[PartDone]:
        """Return what the host ran itself and was not handed on; it does not go back: the API has no place for it."""
        return _vendors(self._own.rest())

    def held(self, n_chars: int, moved: int = 0) -> list[PartDone]:
        """Return what is whole and was not handed on, with the sources of the text so far."""
        return [*_vendors(self._own.whole), *self.sources(n_chars, moved)]

    def sources(self, n_chars: int, moved: int = 0) -> list[PartDone]:
        """Return the sources of a text.

        Parameters
        ----------
        moved
            How many characters stood before the text and are not part of it.
        """
        found = self._sources.copy()
        for note in self._notes:
            kind = next((name for name in _KINDS if isinstance(note.get(name), dict)), "")
            told = note[kind] if kind else note
            start, end = (
                place - moved if isinstance(place := told.get(name), int) else None
                for name in ("start_index", "end_index")
            )
            title = first_text(told, "title", "document_id", "tool_call_id", "filename")
            found.add(url=told.get("url"), title=title, quote=told.get("content"), start=start, end=end)
        by_url = {first_text(one, "url"): one for one in objects(self._lists.get("search_results") or [])}
        for url in self._lists.get("citations") or list(by_url):
            address = url if isinstance(url, str) else first_text(url, "url")
            one = by_url.get(address, {})
            found.add(url=address, title=one.get("title"), quote=one.get("snippet"))
        return found.parts(n_chars)


def _vendors(tools: Iterable[Mapping[str, Any]]) -> list[PartDone]:
    kinds = ((first_text(tool, "type") or EXECUTED, tool) for tool in tools)
    return [PartDone(vendor_part(kind, tool, _line(kind, tool), _detail(tool))) for kind, tool in kinds]


def _line(kind: str, tool: Mapping[str, Any]) -> str:
    told = _arguments(tool)
    if kind in {"search", "browser_search", "web_search"} or kind.endswith(".search"):
        return searched([told.get("query")])
    if kind in {"visit", "visit_website", "browser.open"}:
        return fetched(told.get("url"))
    if kind in {"python", "code_interpreter", "code_execution"}:
        return "ran code"
    return f"used {first_text(tool, 'name') or kind.replace('_', ' ')}"


def _arguments(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    return arguments_object({"arguments": as_words(tool.get("arguments"))})


def _detail(tool: Mapping[str, Any]) -> str:
    results = tool.get("search_results")
    told = results.get("results") if isinstance(results, dict) else results
    listed = found(told, "title", "url") if told else ""
    return lines(
        texts(_arguments(tool), "code") or [as_words(tool.get("arguments"))],
        [listed or first_text(tool, "output")],
        [text for result in objects(tool.get("code_results") or []) for text in texts(result, "text")],
    )
