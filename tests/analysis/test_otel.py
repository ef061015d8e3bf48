"""OTelHook: spans and measurements in OpenTelemetry's names, and no text unless it is asked for."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
from importlib import import_module
from typing import Any

import pytest

from langswarm_nb.analysis import OTelHook, turns_df
from langswarm_nb.analysis.otel_names import TURN_ATTRIBUTES
from langswarm_nb.core.session import (
    Finish,
    FinishReason,
    MessageRole,
    MetricsHook,
    PartDone,
    ProviderSessionError,
    SessionNotFoundError,
    create_session_manager,
)
from langswarm_nb.core.session.providers.mock import MockProviderSession
from tests.support.paths import REPOSITORY

metrics: Any = pytest.importorskip(
    "opentelemetry.metrics", reason="needs the extra otel", exc_type=ImportError
)
trace: Any = pytest.importorskip("opentelemetry.trace", exc_type=ImportError)
sdk: Any = pytest.importorskip(
    "opentelemetry.sdk.trace", reason="needs opentelemetry-sdk", exc_type=ImportError
)


@pytest.fixture
def told(monkeypatch):
    """Return what an SDK gets to see: a function for the spans, one for the measurements."""
    sdk_metrics, readers = (import_module(f"opentelemetry.sdk.metrics{name}") for name in ("", ".export"))
    exports = import_module("opentelemetry.sdk.trace.export")
    in_memory = import_module("opentelemetry.sdk.trace.export.in_memory_span_exporter")
    exporter, reader = in_memory.InMemorySpanExporter(), readers.InMemoryMetricReader()
    tracers = sdk.TracerProvider(shutdown_on_exit=False)
    meters = sdk_metrics.MeterProvider([reader], shutdown_on_exit=False)
    tracers.add_span_processor(exports.SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer", tracers.get_tracer)
    monkeypatch.setattr(metrics, "get_meter", meters.get_meter)

    def measured():
        data: Any = reader.get_metrics_data()
        return {metric.name: metric for metric in data.resource_metrics[0].scope_metrics[0].metrics}

    yield exporter.get_finished_spans, measured
    meters.shutdown()
    tracers.shutdown()


async def test_a_session_that_is_deleted_while_it_is_answered_is_no_trouble(told, caplog):
    """Nothing is left to tell of, and no hook is said to have failed."""
    spans, _ = told
    async with create_session_manager("memory") as manager:
        manager.add_global_hook(OTelHook())
        session = await manager.create_session("ada", "mock", "slow")
        stream = session.stream_message("Count")
        await anext(stream)
        await manager.delete_user("ada")
        with pytest.raises(SessionNotFoundError):
            await stream.read()
    assert spans() == ()
    assert caplog.records == []


async def test_a_span_is_a_row_of_the_frame(told):
    """Name, kind, times and attributes are those of `turns_df`; unknown values are left out."""
    spans, _ = told
    async with create_session_manager("memory") as manager:
        manager.add_global_hook(OTelHook())
        session = await manager.create_session("ada", "mock", "echo", temperature=0.5)
        await session.send_message("Hello, secret plan!")
        [row] = turns_df(manager).to_dict("records")
        [span] = spans()
        assert (span.name, span.kind) == ("chat echo", trace.SpanKind.CLIENT)
        assert span.start_time == row["started_at"].value // 1000 * 1000
        assert span.end_time >= span.start_time
        attributes = dict(span.attributes)
        for column in (
            "session_id",
            "request_id",
            "provider",
            "request_model",
            "model",
            "input_tokens",
            "output_tokens",
            "turn",
            "version",
        ):
            assert attributes[TURN_ATTRIBUTES[column]] == row[column]
        assert attributes["gen_ai.response.finish_reasons"] == ("stop",)
        assert attributes["gen_ai.request.temperature"] == 0.5
        assert attributes["gen_ai.operation.name"] == "chat"
        assert TURN_ATTRIBUTES["reasoning_output_tokens"] not in attributes
        assert "secret plan" not in str(attributes)


async def test_an_error_is_a_span_too(told):
    """With the type of the error and an error status, and without the error's text."""
    spans, measured = told
    async with create_session_manager("memory") as manager:
        manager.add_global_hook(OTelHook())
        session = await manager.create_session("ada", "mock", "error")
        with pytest.raises(ProviderSessionError):
            await session.send_message("Hello!")
    [span] = spans()
    assert span.status.status_code is trace.StatusCode.ERROR
    assert span.attributes["error.type"] == "ProviderServerError"
    assert "The service failed" not in str(span.status.description) + str(dict(span.attributes))
    [point] = measured()["gen_ai.client.operation.duration"].data.data_points
    assert point.attributes["error.type"] == "ProviderServerError"


async def test_durations_and_tokens_are_measured(told):
    """Histograms in seconds and tokens, input and output apart, with the buckets of the conventions."""
    _, measured = told
    async with create_session_manager("memory") as manager:
        manager.add_global_hook(OTelHook())
        session = await manager.create_session("ada", "mock", "echo")
        for _ in range(3):
            await session.send_message("Hello!")
        turns = turns_df(manager)
    found = measured()
    assert found["gen_ai.client.operation.duration"].unit == "s"
    [duration] = found["gen_ai.client.operation.duration"].data.data_points
    assert (duration.count, duration.sum) == (3, pytest.approx(turns["duration_s"].sum()))
    assert duration.explicit_bounds[:2] == (0.01, 0.02)
    tokens = {
        p.attributes["gen_ai.token.type"]: p for p in found["gen_ai.client.token.usage"].data.data_points
    }
    assert tokens["input"].sum == turns["input_tokens"].sum()
    assert tokens["output"].sum == turns["output_tokens"].sum()
    assert found["gen_ai.client.operation.time_to_first_chunk"].data.data_points[0].count == 3


async def test_the_history_is_in_the_span(told):
    """Each request with what it sent, in order and in the form of the conventions, the system text apart."""
    spans, _ = told
    async with create_session_manager("memory") as manager:
        manager.add_global_hook(OTelHook(content=True))
        session = await manager.create_session("ada", "mock", "echo", system="Be brief")
        first = await session.send_message("one")
        await session.send_message("two")
        await session.send_message("aside", history=False)
        await session.hide((await session.get_messages())[1].id)
        await session.regenerate()
        await session.send_message("three", max_messages=1)
    sent = [json.loads(span.attributes["gen_ai.input.messages"]) for span in spans()]
    answer = {"role": "assistant", "parts": [{"type": "text", "content": first.content}]}
    one, two = ({"role": "user", "parts": [{"type": "text", "content": text}]} for text in ("one", "two"))
    assert sent[:2] == [[one], [one, answer, two]]
    assert [[said["parts"][0]["content"] for said in request] for request in sent[2:4]] == [
        ["aside"],
        ["two"],
    ]
    assert {span.attributes["gen_ai.system_instructions"] for span in spans()} == {
        '[{"type": "text", "content": "Be brief"}]'
    }
    [got, *_] = [json.loads(span.attributes["gen_ai.output.messages"]) for span in spans()]
    assert got == [{**answer, "finish_reason": "stop"}]


async def test_all_parts_are_told_in_the_conventions_form(told):
    """Thinking, calls with their arguments as values, results, images and refusals."""
    spans, _ = told
    steps: Any = [
        PartDone({"type": "reasoning", "text": "hm"}),
        "Let me see.",
        PartDone({"type": "tool_call", "id": "1", "name": "add", "arguments": '{"a": 1}'}),
        PartDone({"type": "tool_call", "id": "2", "name": "f", "arguments": "broken"}),
        Finish(FinishReason.TOOL_CALLS, "tool_calls"),
    ]
    image = {"type": "image", "media_type": "image/png", "data": "AAAA"}
    others = [
        {"type": "file", "url": "https://example.org/a.pdf"},
        {"type": "citation", "title": "A page", "url": "https://example.org"},
    ]
    async with create_session_manager("memory") as manager:
        manager.add_provider_session("tooled", MockProviderSession(replies=[steps, "Done."]))
        manager.add_global_hook(OTelHook(content=True))
        session = await manager.create_session("ada", "tooled", "any")
        await session.send_message("Look", parts=[image, *others, {"type": "text", "text": "Look"}])
        result = {"type": "tool_result", "tool_call_id": "1", "content": "2"}
        await session.send_message("", MessageRole.TOOL, parts=[result])
    first, second = spans()
    [got] = json.loads(first.attributes["gen_ai.output.messages"])
    assert got["finish_reason"] == "tool_call"
    assert got["parts"] == [
        {"type": "reasoning", "content": "hm"},
        {"type": "text", "content": "Let me see."},
        {"type": "tool_call", "id": "1", "name": "add", "arguments": {"a": 1}},
        {"type": "tool_call", "id": "2", "name": "f", "arguments": "broken"},
    ]
    sent = json.loads(second.attributes["gen_ai.input.messages"])
    known_by = hashlib.sha256(base64.b64decode("AAAA")).hexdigest()
    assert sent[0]["parts"][:3] == [
        {"type": "file", "modality": "image", "mime_type": "image/png", "file_id": known_by},
        {"type": "uri", "modality": "file", "uri": "https://example.org/a.pdf"},
        {"type": "citation", "content": "[source: A page https://example.org]"},
    ]
    assert sent[-1] == {
        "role": "tool",
        "parts": [{"type": "tool_call_response", "id": "1", "response": "2"}],
    }


async def test_the_id_of_an_answer_is_the_providers(told):
    """Ours, which joins the frames, has a name of its own."""
    spans, _ = told
    async with create_session_manager("memory") as manager:
        manager.add_global_hook(OTelHook())
        session = await manager.create_session("ada", "mock", "echo")
        reply = await session.send_message("Hello!")
    [span] = spans()
    assert span.attributes["gen_ai.response.id"] == reply.provider_message_id
    assert span.attributes["langswarm_nb.request_id"] == reply.id


async def test_text_leaves_only_when_asked_for(told):
    """`content=True` puts question and answer into the span."""
    spans, _ = told
    async with create_session_manager("memory") as manager:
        manager.add_global_hook(OTelHook(content=True))
        session = await manager.create_session("ada", "mock", "echo")
        await session.send_message("Hello, plan!")
    [span] = spans()
    assert "Hello, plan!" in span.attributes["gen_ai.input.messages"]
    assert "You said: Hello, plan!" in span.attributes["gen_ai.output.messages"]


async def test_without_an_sdk_nothing_happens():
    """The API alone does nothing, and the conversation goes on as before."""
    async with create_session_manager("memory") as manager:
        manager.add_global_hook(OTelHook())
        manager.add_global_hook(counter := MetricsHook())
        session = await manager.create_session("ada", "mock", "echo")
        await session.send_message("Hello!")
        assert counter.get_metrics()["messages_received"] == 1


def test_without_the_package_the_error_names_the_extra():
    """OpenTelemetry is optional, and not loaded before it is asked for."""
    program = """
import sys
from langswarm_nb.analysis import OTelHook
assert "opentelemetry" not in sys.modules and "pandas" not in sys.modules
sys.modules["opentelemetry"] = None
try:
    OTelHook()
except ImportError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=REPOSITORY
    )
    assert "langswarm-nb[otel]" in done.stdout


def test_every_attribute_belongs_to_a_column():
    """The table of names speaks of columns that there are."""
    assert set(TURN_ATTRIBUTES) <= set(turns_df([]).columns)
