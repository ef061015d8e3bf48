"""What we send is what the vendors' own SDKs declare: each body, read into their types, comes out as it went in.

How strict this is: a field that a type does not have, a value of the wrong type and an unknown kind of step or part
fail. Rules that types do not tell (which role may follow which, ranges, what a model takes) are not seen here.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from langswarm_nb.core.session.messages import MessageRole, RequestFacts, SessionMessage
from langswarm_nb.core.session.provider_events import ProviderRequest
from langswarm_nb.core.session.providers import cohere, ollama
from langswarm_nb.core.session.providers.chat import ChatProviderSession
from langswarm_nb.core.session.providers.gemini import generate, interactions
from langswarm_nb.core.session.providers.gemini.interaction_steps import THOUGHT
from langswarm_nb.core.session.providers.mistral import completions, conversations
from tests.support.typed_dicts import problems

pydantic = pytest.importorskip("pydantic")
pytestmark = pytest.mark.filterwarnings("ignore:.*DEPRECATED:DeprecationWarning")  # Google's own, on sampling

SYSTEM, USER = MessageRole.SYSTEM, MessageRole.USER
ASSISTANT, TOOL = MessageRole.ASSISTANT, MessageRole.TOOL
PNG = "iVBORw0KGgo="
ATTACHMENTS = (
    {"type": "image", "media_type": "image/png", "data": PNG, "detail": "low"},
    {"type": "file", "media_type": "application/pdf", "data": "JVBERi0xLjc=", "name": "a.pdf"},
    {"type": "file", "media_type": "text/csv", "data": "YSxiCg==", "name": "a.csv"},
    {"type": "audio", "media_type": "audio/mpeg", "data": "SUQz"},
    {"type": "image", "url": "https://x.example/a.png"},
)
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
FUNCTION = {"name": "get_weather", "description": "Tells the weather.", "parameters": SCHEMA}
CHAT_TOOLS = [{"type": "function", "function": FUNCTION}]
COMMON = {
    "temperature": 0.3,
    "max_tokens": 100,
    "top_p": 0.9,
    "stop": ("END",),
    "seed": 7,
    "reasoning_effort": "low",
}


def call(call_id: str, city: str, **more: Any) -> dict[str, Any]:
    arguments = f'{{"city": "{city}"}}'
    return {"type": "tool_call", "id": call_id, "name": "get_weather", "arguments": arguments, **more}


def result(call_id: str, content: str, **more: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_call_id": call_id, "content": content, **more}


def path() -> tuple[SessionMessage, ...]:
    """Return a path with all kinds of parts: text, attachments, thinking, calls made together, results, a refusal."""
    signed = {"opaque": {generate.SIGNATURE: "c2ln"}}
    thinking = (
        {"type": "reasoning", "text": "I should look.", "opaque": {THOUGHT: "c2ln"}},
        {"type": "reasoning", "text": "I will ask twice.", "opaque": {cohere.PLAN: True}},
        {"type": "reasoning", "text": "", "opaque": {generate.SIGNATURE: "c2ln"}},
    )
    image = {"type": "image", "media_type": "image/png", "data": PNG}
    data_url = {"type": "image", "url": f"data:image/png;base64,{PNG}"}
    calls = (call("call_of_another_service", "Paris", **signed), call("KikbB849t", "Rome"))
    facts = RequestFacts("ollama", "m")
    return (
        SessionMessage(role=SYSTEM, content="Be brief."),
        SessionMessage(role=USER, parts=({"type": "text", "text": "What is this?"}, image, data_url)),
        SessionMessage(role=USER, parts=({"type": "text", "text": "And these?"}, *ATTACHMENTS)),
        SessionMessage(role=ASSISTANT, content="A picture.", parts=({"type": "refusal", "text": "No."},)),
        SessionMessage(role=USER, content="And the weather?"),
        SessionMessage(role=ASSISTANT, content="I look.", parts=(*thinking, *calls), request=facts),
        SessionMessage(role=TOOL, parts=(result("call_of_another_service", "sunny", name="get_weather"),)),
        SessionMessage(role=TOOL, parts=(result("KikbB849t", "no such city", is_error=True),)),
        SessionMessage(role=ASSISTANT, content="Sunny in Paris."),
        SessionMessage(role=SYSTEM, content="Be kind."),
        SessionMessage(role=USER, content="Thanks, 世界 🎉"),
    )


def ask(
    options: Mapping[str, Any] | None = None, *, model: str = "test-model", **how: Any
) -> ProviderRequest:
    return ProviderRequest(model, how.pop("messages", path()), {**COMMON, **(options or {})}, **how)


def accepted(schema: Any, body: Any) -> None:
    """Fail unless a vendor's type takes a body with all that is in it."""
    parsed = pydantic.TypeAdapter(schema).validate_python(body)
    unknown = [model for model in models_in(parsed) if is_unknown(model)]
    assert not unknown
    dumped = pydantic.TypeAdapter(schema).dump_python(parsed, mode="json", by_alias=True, exclude_unset=True)
    lost = list(missing(body, dumped, ""))
    assert not lost


def models_in(value: Any) -> Iterator[Any]:
    if isinstance(value, pydantic.BaseModel):
        yield value
        for name in type(value).model_fields:
            yield from models_in(getattr(value, name))
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from models_in(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from models_in(item)


def is_unknown(model: Any) -> bool:
    """Return whether a type took in what it does not know."""
    return bool(model.model_extra) or getattr(model, "is_unknown", False) is True


def missing(sent: Any, read: Any, place: str) -> Iterator[str]:
    """Yield the places at which something sent was not read, or read as something else."""
    if isinstance(sent, Mapping):
        for name, value in sent.items():
            if not isinstance(read, Mapping) or name not in read:
                yield f"{place}.{name}"
            else:
                yield from missing(value, read[name], f"{place}.{name}")
    elif isinstance(sent, (list, tuple)):
        if not isinstance(read, (list, tuple)) or len(sent) != len(read):
            yield place
        else:
            for number, pair in enumerate(zip(sent, read, strict=True)):
                yield from missing(*pair, f"{place}[{number}]")
    elif sent != read and str(sent).upper() != read:  # Google's enumerations are upper case
        yield f"{place}: {sent!r} was read as {read!r}"


@pytest.mark.parametrize("model", ["gemini-2.5-flash", "gemini-3.8-flash"])
@pytest.mark.parametrize("stream", [True, False])
def test_gemini_takes_what_we_generate_with(model: str, stream: bool) -> None:
    """Contents, settings and tools are what google-genai declares; its types refuse unknown fields themselves."""
    types: Any = pytest.importorskip("google.genai.types")
    options = {
        "tools": [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": SCHEMA}]}],
        "toolConfig": {"functionCallingConfig": {"mode": "AUTO"}},
        "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
        "responseMimeType": "application/json",
        "responseJsonSchema": SCHEMA,
    }
    body = generate.wire_body(ask(options, model=model, stream=stream))
    parts: dict[str, Any] = {
        "contents": list[types.Content],
        "systemInstruction": types.Content,
        "generationConfig": types.GenerationConfig,
        "tools": list[types.Tool],
        "toolConfig": types.ToolConfig,
        "safetySettings": list[types.SafetySetting],
    }
    assert body.keys() == parts.keys()
    for name, schema in parts.items():
        accepted(schema, body[name])


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("native_id, new_from", [(None, 0), ("v1_1", 10), ("v1_1", 6)])
def test_gemini_takes_our_interactions(stream: bool, native_id: str | None, new_from: int) -> None:
    """A new conversation with all kinds of steps, one that goes on, one that goes on with results of tools."""
    types = pytest.importorskip("google.genai._gaos.types.interactions")
    options = {
        "tools": [{"type": "function", **FUNCTION}],
        "tool_choice": "auto",
        "response_format": {"type": "text", "mime_type": "application/json", "schema": SCHEMA},
    }
    request = ask(options, stream=stream, native=True, native_id=native_id, new_from=new_from)
    body = interactions.wire_body(request)
    accepted(types.CreateModelInteraction, body)


def test_gemini_takes_an_image_for_a_conversation_that_goes_on() -> None:
    """One message with an image is steps too."""
    types = pytest.importorskip("google.genai._gaos.types.interactions")
    request = ask(messages=path()[:2], native=True, native_id="v1_1", new_from=1)
    body = interactions.wire_body(request)
    assert [item["type"] for item in body["input"][0]["content"]] == ["text", "image", "image"]
    accepted(types.CreateModelInteraction, body)


def test_tools_of_a_service_are_what_it_declares() -> None:
    """All that can be asked for by name, beside a function, of Google and Mistral."""
    types: Any = pytest.importorskip("google.genai.types")
    gaos: Any = pytest.importorskip("google.genai._gaos.types.interactions")
    models: Any = pytest.importorskip("mistralai.client.models")
    functions = [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": SCHEMA}]}]
    generated = generate.wire_body(
        ask({"tools": functions}, model="gemini-3.8-flash", tools=tuple(generate.TOOLS))
    )
    accepted(list[types.Tool], generated["tools"])
    accepted(types.ToolConfig, generated["toolConfig"])
    flat = {"tools": [{"type": "function", **FUNCTION}]}
    accepted(gaos.CreateModelInteraction, interactions.wire_body(ask(flat, tools=tuple(interactions.TOOLS))))
    request = ask({"tools": CHAT_TOOLS}, native=True, tools=tuple(conversations.TOOLS))
    body = {**conversations.fixed_body(request), **conversations.added_body(request)}
    accepted(models.ConversationStreamRequest, body)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("model", ["gpt-4o", "gpt-6-luna"])
def test_openai_takes_our_chat(model: str, stream: bool) -> None:
    """Chat Completions, which most other services speak too, with each dictionary closed."""
    types: Any = pytest.importorskip("openai.types.chat.completion_create_params")
    options = {"tools": CHAT_TOOLS, "tool_choice": "auto", "response_format": {"type": "json_object"}}
    provider = ChatProviderSession("openai-chat", "key-of-no-account")
    body = provider._body(ask(options, model=model, stream=stream))
    declared = types.CompletionCreateParamsStreaming if stream else types.CompletionCreateParamsNonStreaming
    assert problems(body, declared) == []


MISTRAL_OPTIONS = {
    "response_format": {"type": "json_object"},
    "tool_choice": "auto",
    "presence_penalty": 0.1,
}


@pytest.mark.parametrize("stream", [True, False])
def test_mistral_takes_our_chat(stream: bool) -> None:
    """A field that mistralai does not declare is refused by the service, and here."""
    models = pytest.importorskip("mistralai.client.models")
    options = {**MISTRAL_OPTIONS, "tools": CHAT_TOOLS, "prompt_cache_key": "k", "safe_prompt": True}
    body = completions.wire_body(ask(options, stream=stream))
    schema = models.ChatCompletionStreamRequest if stream else models.ChatCompletionRequest
    accepted(schema, body)
    ids = [call["id"] for message in body["messages"] for call in message.get("tool_calls", ())]
    assert [len(call_id) for call_id in ids] == [9, 9]
    assert ids == [message["tool_call_id"] for message in body["messages"] if message["role"] == "tool"]


@pytest.mark.parametrize("stream", [True, False])
def test_mistral_takes_our_new_conversations(stream: bool) -> None:
    """Entries of all kinds, with what a conversation begins with."""
    models = pytest.importorskip("mistralai.client.models")
    request = ask({**MISTRAL_OPTIONS, "tools": CHAT_TOOLS, "name": "n"}, stream=stream, native=True)
    body = {**conversations.fixed_body(request), **conversations.added_body(request)}
    accepted(models.ConversationStreamRequest if stream else models.ConversationRequest, body)
    assert body["instructions"] == "Be brief.\n\nBe kind."


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("new_from", [10, 6])
def test_mistral_takes_what_we_add(stream: bool, new_from: int) -> None:
    """What goes on says nothing again that the conversation keeps."""
    models = pytest.importorskip("mistralai.client.models")
    request = ask(MISTRAL_OPTIONS, stream=stream, native=True, native_id="conv_1", new_from=new_from)
    schema = models.ConversationAppendStreamRequest if stream else models.ConversationAppendRequest
    accepted(schema, conversations.added_body(request))


def test_cohere_takes_our_chat() -> None:
    """Cohere declares its request as parameters of a method: each field is one, with a value of its type."""
    sdk: Any = pytest.importorskip("cohere")
    from cohere.v2.client import V2Client

    options = {
        "tools": CHAT_TOOLS,
        "tool_choice": "REQUIRED",
        "response_format": {"type": "json_object", "json_schema": SCHEMA},
        "k": 5,
    }
    body = cohere.wire_body(ask(options))
    declared = inspect.signature(V2Client.chat).parameters
    assert body.keys() <= declared.keys() | {"stream"}
    kinds: dict[str, Any] = {
        "system": sdk.SystemChatMessageV2,
        "user": sdk.UserChatMessageV2,
        "assistant": sdk.AssistantChatMessageV2,
        "tool": sdk.ToolChatMessageV2,
    }
    for message in body["messages"]:
        accepted(kinds[message["role"]], message)
    accepted(list[sdk.ToolV2], body["tools"])
    accepted(sdk.Thinking, body["thinking"])
    accepted(sdk.JsonObjectResponseFormatV2, body["response_format"])
    for name, kind in {"temperature": float, "max_tokens": int, "p": float, "seed": int, "k": int}.items():
        accepted(kind, body[name])
    accepted(list[str], body["stop_sequences"])


def test_ollama_takes_our_chat() -> None:
    """Messages, tools and parameters are what the package ollama declares."""
    types: Any = pytest.importorskip("ollama._types")
    body = ollama.wire_body(ask({"tools": CHAT_TOOLS, "format": SCHEMA, "num_ctx": 8192, "keep_alive": "5m"}))
    accepted(types.ChatRequest, body)
    for message in body["messages"]:
        images = [{"value": image} for image in message.pop("images", ())]
        accepted(types.Message, message)
        assert [types.Image(**image).model_dump() for image in images] == [image["value"] for image in images]
    accepted(types.Options, body["options"])
    assert body["options"]["num_ctx"] == 8192
    assert [m.get("thinking") for m in body["messages"] if "tool_calls" in m] == [
        "I should look.I will ask twice."
    ]


def test_what_no_type_has_is_found() -> None:
    """The check is worth something: unknown fields and kinds, and wrong values, fail in each vendor's types."""
    google: Any = pytest.importorskip("google.genai._gaos.types.interactions")
    mistral: Any = pytest.importorskip("mistralai.client.models")
    sdk: Any = pytest.importorskip("cohere")
    own: Any = pytest.importorskip("ollama._types")
    interaction = interactions.wire_body(ask(native=True))
    chat = completions.wire_body(ask())
    user = {"role": "user", "content": "Hi"}
    wrong = [
        (google.CreateModelInteraction, {**interaction, "instructions": "x"}),
        (google.CreateModelInteraction, {**interaction, "generation_config": {"max_tokens": 5}}),
        (google.CreateModelInteraction, {**interaction, "input": [{"type": "message", "content": []}]}),
        (google.CreateModelInteraction, {**interaction, "store": "perhaps"}),
        (mistral.ChatCompletionRequest, {**chat, "store": True}),
        (mistral.ChatCompletionRequest, {**chat, "max_completion_tokens": 5}),
        (mistral.ChatCompletionRequest, {**chat, "messages": [{"role": "robot", "content": "Hi"}]}),
        (mistral.ConversationAppendRequest, {"inputs": "Hi", "instructions": "x"}),
        (sdk.UserChatMessageV2, {**user, "images": []}),
        (sdk.Thinking, {"type": "enabled", "budget": 5}),
        (own.Message, {**user, "tool_call_id": "x"}),
        (own.Options, {"max_tokens": 5}),
    ]
    missed = []
    for schema, body in wrong:
        try:
            accepted(schema, body)
        except (AssertionError, pydantic.ValidationError):
            continue
        missed.append((schema.__name__, body))
    assert missed == []
