"""What asks a service for an answer of a schema is what its SDK declares, by each route of each provider."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from langswarm_nb.core.session import errors
from langswarm_nb.core.session.messages import MessageRole, SessionMessage
from langswarm_nb.core.session.provider_events import AskedSchema, ProviderRequest, Route
from langswarm_nb.core.session.providers import create_provider
from langswarm_nb.core.session.providers._dialect import adjustments
from langswarm_nb.core.session.providers.intakes import INTAKES, intake_of
from langswarm_nb.core.session.providers.schema_routes import ROUTES
from tests.contract.provider_cases import CANARY, TEXT, ask, fails, read
from tests.contract.provider_dialects import DIALECTS
from tests.contract.schema_cases import ANSWER, NAME, SCHEMA, asked, request, said
from tests.contract.test_request_types import accepted
from tests.support.faulty import FaultyServer, Reply, SeenRequest
from tests.support.replay import Replay
from tests.support.typed_dicts import problems

pytestmark = pytest.mark.filterwarnings("ignore:.*DEPRECATED:DeprecationWarning")  # Google's own
STRICT = {"name": NAME, "schema": SCHEMA, "strict": True}
CHAT_TOOL = {
    "type": "function",
    "function": {
        "name": NAME,
        "description": "Somebody.\nHand over the answer by calling this, once, and say nothing else.",
        "parameters": SCHEMA,
    },
}


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    adjustments._refused.clear()
    yield
    adjustments._refused.clear()


async def sent(name: str, model: str, how: ProviderRequest | Route, **config: Any) -> dict[str, Any]:
    """Return the body of what a provider sends."""
    asked = how if isinstance(how, ProviderRequest) else request(how, model=model)
    provider = create_provider(name, CANARY, base_url="http://127.0.0.1:9", **config)
    replay = Replay([b"nothing"])
    replay.into(provider)
    with pytest.raises(errors.ProviderSessionError):
        await read(provider.stream(asked))
    body: dict[str, Any] = json.loads(replay.sent[0].content)
    return body


CHAT_STRICT = {"response_format": {"type": "json_schema", "json_schema": STRICT}}
CHAT_FORCED = {
    "tools": [CHAT_TOOL],
    "tool_choice": {"type": "function", "function": {"name": NAME}},
}
ONE_CALL = {"parallel_tool_calls": False}
JSON_MODE = {"response_format": {"type": "json_object"}}
IF_IT_MAY_BE = {"response_format": {"type": "json_schema", "json_schema": {**STRICT, "strict": False}}}
GOOGLE_JSON = {"responseMimeType": "application/json"}
CLAUDE_TOOL = {
    "name": NAME,
    "description": CHAT_TOOL["function"]["description"],  # type: ignore[index]
    "input_schema": SCHEMA,
}
RESPONSES_TOOL = {"type": "function", **CHAT_TOOL["function"], "strict": False}  # type: ignore[dict-item]
GOOGLE_TOOL = {
    "name": NAME,
    "description": CHAT_TOOL["function"]["description"],  # type: ignore[index]
    "parametersJsonSchema": SCHEMA,
}
OLLAMA_TOOL = {
    "type": "function",
    "function": {
        **CHAT_TOOL["function"],  # type: ignore[dict-item]
        "parameters": {name: SCHEMA[name] for name in ("type", "properties", "required")},
    },
}
BODIES: dict[tuple[str, str, Route], dict[str, Any]] = {
    ("openai", "gpt-6-luna", "strict"): {"text": {"format": {"type": "json_schema", **STRICT}}},
    ("openai", "gpt-4-turbo", "tool"): {
        "tools": [RESPONSES_TOOL],
        "tool_choice": {"type": "function", "name": NAME},
        **ONE_CALL,
    },
    ("openai", "gpt-4-turbo", "prompt"): {"text": {"format": {"type": "json_object"}}},
    ("openai-chat", "gpt-6-luna", "strict"): CHAT_STRICT,
    ("openai-chat", "gpt-4-turbo", "tool"): {**CHAT_FORCED, **ONE_CALL},
    ("openai-chat", "gpt-4-turbo", "prompt"): JSON_MODE,
    ("azure", "gpt-6-luna", "strict"): CHAT_STRICT,
    ("anthropic", "claude-haiku-5-5", "strict"): {
        "output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}
    },
    ("anthropic", "claude-sonnet-4-0", "tool"): {
        "tools": [CLAUDE_TOOL],
        "tool_choice": {"type": "tool", "name": NAME, "disable_parallel_tool_use": True},
    },
    ("anthropic", "claude-opus-5-5", "tool"): {
        "tools": [CLAUDE_TOOL],
        "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
    },
    ("anthropic", "claude-sonnet-4-0", "prompt"): {},
    ("gemini", "gemini-3.8-flash", "strict"): {
        "generationConfig": {**GOOGLE_JSON, "responseJsonSchema": SCHEMA}
    },
    ("gemini", "gemini-2.0-flash", "tool"): {
        "tools": [{"functionDeclarations": [GOOGLE_TOOL]}],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": [NAME]}},
    },
    ("gemini", "gemini-2.5-flash", "prompt"): {"generationConfig": GOOGLE_JSON},
    ("gemini", "gemma-3-27b-it", "prompt"): {},
    ("mistral", "mistral-medium-latest", "strict"): CHAT_STRICT,
    ("mistral", "mistral-medium-latest", "tool"): {**CHAT_FORCED, **ONE_CALL},
    ("mistral", "mistral-medium-latest", "prompt"): JSON_MODE,
    ("cohere", "command-a-03-2025", "strict"): {
        "response_format": {"type": "json_object", "json_schema": SCHEMA}
    },
    ("cohere", "command-a-03-2025", "tool"): {"tools": [CHAT_TOOL], "tool_choice": "REQUIRED"},
    ("cohere", "command-a-03-2025", "prompt"): JSON_MODE,
    ("ollama", "gemma3", "strict"): {"format": SCHEMA},
    ("ollama", "gemma3", "tool"): {"tools": [OLLAMA_TOOL]},
    ("ollama", "gpt-oss:120b-cloud", "prompt"): {"format": "json"},
    ("groq", "openai/gpt-oss-120b", "strict"): CHAT_STRICT,
    ("groq", "llama-3.3-70b-versatile", "tool"): CHAT_FORCED,
    ("groq", "llama-3.3-70b-versatile", "prompt"): JSON_MODE,
    ("deepseek", "deepseek-v4-flash", "tool"): {"tools": [CHAT_TOOL]},
    ("deepseek", "deepseek-v4-flash", "prompt"): JSON_MODE,
    ("openrouter", "openai/gpt-6-luna", "strict"): {**CHAT_STRICT, "provider": {"require_parameters": True}},
    ("openrouter", "deepseek/deepseek-v4-flash", "prompt"): IF_IT_MAY_BE,
    ("llamacpp", "tiny", "strict"): CHAT_STRICT,
    ("vllm", "gemma-4", "strict"): CHAT_STRICT,
    ("lmstudio", "gemma-4", "strict"): CHAT_STRICT,
    ("lmstudio", "gemma-4", "prompt"): IF_IT_MAY_BE,
    ("ollama-chat", "gemma3", "strict"): CHAT_STRICT,
    ("litellm", "any", "prompt"): JSON_MODE,
    ("openai-compatible", "any", "prompt"): IF_IT_MAY_BE,
    ("openai-compatible", "sonar-pro", "strict"): CHAT_STRICT,
    ("openai-compatible", "grok-4.3", "strict"): CHAT_STRICT,
    ("openai-compatible", "accounts/fireworks/models/kimi-k3", "strict"): CHAT_STRICT,
}
ASKS = {
    *("response_format", "text", "output_config", "format", "generationConfig", "tools", "tool_choice"),
    *("toolConfig", "parallel_tool_calls", "provider"),
}


@pytest.mark.parametrize("name, model, route", BODIES)
async def test_a_schema_is_asked_for_as_the_service_wants_it(name: str, model: str, route: Route) -> None:
    """By the routes that the table has for the model, and with nothing else in the body for it."""
    assert route in intake_of(name, model).routes
    body = await sent(name, model, route)
    assert {key: body[key] for key in body if key in ASKS} == BODIES[name, model, route]


def test_every_provider_has_its_routes() -> None:
    """The last is always by words; the first of most models of each provider was sent above."""
    assert ROUTES.keys() == INTAKES.keys()
    told = {(name, route) for name, _, route in BODIES}
    for name, rows in ROUTES.items():
        assert {row.asking.routes[-1] for row in rows} == {"prompt"}
        assert name == "mock" or (name, rows[-1].asking.routes[0]) in told


NATIVE: Mapping[str, Mapping[str, Any]] = {
    "gemini": {"response_format": {"type": "text", "mime_type": "application/json", "schema": SCHEMA}},
    "mistral": {"completion_args": CHAT_STRICT},
}


@pytest.mark.parametrize("name", NATIVE)
async def test_a_conversation_that_the_service_holds_is_asked_too(name: str) -> None:
    """In the places that those APIs have for it; there is no tool."""
    model = {"gemini": "gemini-3.8-flash", "mistral": "mistral-medium-latest"}[name]
    assert intake_of(name, model, native=True).routes == ("strict", "prompt")
    body = await sent(name, model, request("strict", model=model, native=True))
    assert {key: body[key] for key in NATIVE[name]} == NATIVE[name]
    if name == "gemini":
        types = pytest.importorskip("google.genai._gaos.types.interactions")
        accepted(types.CreateModelInteraction, body)
    else:
        models = pytest.importorskip("mistralai.client.models")
        accepted(models.ConversationStreamRequest, body)


# Types of the vendors


@pytest.mark.parametrize("route", ["strict", "tool", "prompt"])
async def test_openai_and_anthropic_declare_what_we_ask(route: Route) -> None:
    """Responses, Chat Completions and Messages, each dictionary closed."""
    responses: Any = pytest.importorskip("openai.types.responses.response_create_params")
    chat: Any = pytest.importorskip("openai.types.chat.completion_create_params")
    messages: Any = pytest.importorskip("anthropic.types.message_create_params")
    told = (
        (await sent("openai", "gpt-6-luna", route), responses.ResponseCreateParamsStreaming),
        (await sent("openai-chat", "gpt-6-luna", route), chat.CompletionCreateParamsStreaming),
        (await sent("anthropic", "claude-haiku-5-5", route), messages.MessageCreateParamsStreaming),
    )
    for body, schema in told:
        assert problems(body, schema) == []


@pytest.mark.parametrize("route", ["strict", "tool", "prompt"])
async def test_the_others_declare_what_we_ask(route: Route) -> None:
    """Google, Mistral, Cohere and Ollama."""
    types: Any = pytest.importorskip("google.genai.types")
    models: Any = pytest.importorskip("mistralai.client.models")
    sdk: Any = pytest.importorskip("cohere")
    own: Any = pytest.importorskip("ollama._types")
    body = await sent("gemini", "gemini-3.8-flash", route)
    accepted(types.GenerationConfig, body.get("generationConfig", {}))
    accepted(list[types.Tool], body.get("tools", []))
    accepted(types.ToolConfig, body.get("toolConfig", {}))
    accepted(models.ChatCompletionStreamRequest, await sent("mistral", "mistral-medium-latest", route))
    body = await sent("cohere", "command-a-plus-05-2026", route)
    accepted(list[sdk.ToolV2], body.get("tools", []))
    if "response_format" in body:
        accepted(sdk.JsonObjectResponseFormatV2, body["response_format"])
    accepted(own.ChatRequest, await sent("ollama", "gemma3", route))


# What goes together


async def test_other_options_beside_a_schema_stay() -> None:
    """How much a model says or thinks is asked for in the same field as the schema, by two vendors."""
    options: dict[str, Any] = {"text": {"verbosity": "low"}}
    body = await sent("openai", "", request("strict", model="gpt-6-luna", options=options))
    assert body["text"] == {"verbosity": "low", "format": {"type": "json_schema", **STRICT}}
    options = {"reasoning_effort": "low"}
    body = await sent("anthropic", "", request("strict", model="claude-haiku-5-5", options=options))
    assert body["output_config"].keys() == {"effort", "format"}
    options = {"generationConfig": {"topK": 4}, "temperature": 0.5}
    body = await sent("gemini", "", request("strict", model="gemini-3.8-flash", options=options))
    assert body["generationConfig"].keys() == {
        "topK",
        "temperature",
        "responseMimeType",
        "responseJsonSchema",
    }
    options = {"provider": {"order": ["x"]}}
    body = await sent("openrouter", "", request("strict", model="openai/gpt-6-luna", options=options))
    assert body["provider"] == {"require_parameters": True, "order": ["x"]}


GIVEN = [
    ("openai", {"text": {"format": {"type": "json_object"}}}, "text.format"),
    ("openai-chat", {"response_format": {"type": "json_object"}}, "response_format"),
    (
        "anthropic",
        {"output_config": {"format": {"type": "json_schema", "schema": {}}}},
        "output_config.format",
    ),
    ("gemini", {"responseMimeType": "text/x.enum"}, "responseMimeType"),
    ("gemini", {"generationConfig": {"responseSchema": {}}}, "generationConfig.responseSchema"),
    ("mistral", {"response_format": {"type": "text"}}, "response_format"),
    ("cohere", {"response_format": {"type": "text"}}, "response_format"),
    ("ollama", {"format": "json"}, "format"),
]


@pytest.mark.parametrize("name, options, told", GIVEN)
async def test_two_ways_to_ask_at_once_are_refused(name: str, options: dict[str, Any], told: str) -> None:
    """An option that asks for a schema is not dropped in silence: nothing is sent; in words it goes as it is."""
    provider = create_provider(name, CANARY, base_url="http://127.0.0.1:9")
    error = await fails(provider, errors.ProviderRequestError, request("strict", options=options))
    assert told in str(error)
    assert NAME in str(error)
    body = await sent(name, "m", request("prompt", model="m", options=options))
    outer = told.partition(".")[0]
    place = body.get("generationConfig", body) if outer.startswith("response") else body
    assert place[outer] == options[outer]


@pytest.mark.parametrize("name", ["openai", "openai-chat", "anthropic", "mistral", "cohere", "ollama"])
async def test_tools_of_the_user_are_not_beside_the_tool_of_the_answer(name: str) -> None:
    """A model could call those, and no answer would come; beside a strict schema they go."""
    tools = [{"type": "function", "name": "f", "function": {"name": "f"}}]
    provider = create_provider(name, CANARY, base_url="http://127.0.0.1:9")
    error = await fails(provider, errors.ProviderRequestError, request("tool", options={"tools": tools}))
    assert "'tools'" in str(error)
    body = await sent(name, "m", request("strict", model="m", options={"tools": tools}))
    assert body["tools"] == tools


async def test_a_model_may_search_before_it_calls() -> None:
    """With a tool of the service it is not made to call ours at once; sources are left out beside a schema."""
    tools = ("web_search", "web_fetch")
    body = await sent("anthropic", "", request("tool", model="claude-sonnet-4-5", tools=tools))
    assert [tool["name"] for tool in body["tools"]] == [*tools, NAME]
    assert body["tool_choice"]["type"] == "auto"
    assert intake_of("anthropic", "claude-sonnet-4-5").routes_for(tools) == ("tool", "prompt")
    body = await sent("anthropic", "", request("strict", model="claude-sonnet-4-5", tools=tools))
    assert not any("citations" in tool for tool in body["tools"])
    body = await sent("openai", "", request("strict", model="gpt-6-luna", tools=tools[:1]))
    assert body["tools"] == [{"type": "web_search"}]
    assert intake_of("gemini", "gemini-2.5-flash").routes_for(tools) == ("prompt",)
    body = await sent("gemini", "", request("prompt", model="gemini-2.5-flash", tools=tools))
    assert "generationConfig" not in body


async def test_no_model_is_forced_while_it_thinks_that_refuses_it() -> None:
    """Claude with a budget, and DeepSeek unless its thinking is off."""
    budget = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
    body = await sent("anthropic", "", request("tool", model="claude-sonnet-4-5", options=budget))
    assert body["tool_choice"]["type"] == "auto"
    off = {"thinking": {"type": "disabled"}}
    body = await sent("deepseek", "", request("tool", model="deepseek-v4-flash", options=off))
    assert body["tool_choice"] == CHAT_FORCED["tool_choice"]


async def test_the_word_json_is_where_services_look_for_it() -> None:
    """Responses want it in the input, not in the instructions; where nobody says it, no JSON is asked for."""
    system = SessionMessage(role=MessageRole.SYSTEM, content="Answer in JSON.")
    how = ProviderRequest("gpt-4-turbo", (system, SessionMessage(content="Who?")), schema=asked("prompt"))
    body = await sent("openai", "", how)
    assert [item["content"] for item in body["input"]] == ["Answer in JSON.", "Who?"]
    assert "instructions" not in body
    silent = request("prompt", "Who?", model="gpt-4-turbo")
    assert not {"text", "response_format"} & {
        *await sent("openai", "", silent),
        *await sent("openai-chat", "", silent),
    }


async def test_a_schema_is_not_streamed_where_that_is_refused() -> None:
    """Groq sends an answer that it holds to a schema whole; its tools stream."""
    assert "stream" not in await sent("groq", "openai/gpt-oss-20b", "strict")
    assert (await sent("groq", "openai/gpt-oss-20b", "tool"))["stream"] is True


@pytest.mark.parametrize(
    "first, is_taken", [("2nd", "_2nd"), ("-x", "_-x"), ("ok", "ok"), ("x" * 64, "x" * 64)]
)
async def test_a_tool_has_a_name_that_services_take(first: str, is_taken: str) -> None:
    """Google takes none that begins with a digit."""
    how = ProviderRequest("m", (SessionMessage(content="Hi"),), schema=AskedSchema(first, SCHEMA, "tool"))
    body = await sent("openai-chat", "", how)
    assert body["tools"][0]["function"]["name"] == is_taken


# What a server refuses


def refusing(status: int, words: str, *names: str) -> Any:
    """Return a server's answers: it refuses requests with one of these fields."""

    def answer(request: SeenRequest) -> Reply:
        if any(name in request.json for name in names):
            return Reply.json({"error": {"message": words}}, status)
        return Reply.events(said(DIALECTS["chat"]))

    return answer


REFUSALS = [
    (400, "Unrecognized request argument supplied: response_format"),
    (422, "body.response_format: Extra inputs are not permitted"),
    (400, "'response_format.type' must be 'text'"),
    (400, "This model does not support structured output"),
    (400, "failed to parse grammar"),
]


@pytest.mark.parametrize("status, words", REFUSALS)
@pytest.mark.parametrize(
    "name, route", [("vllm", "strict"), ("openai-compatible", "prompt"), ("litellm", "prompt")]
)
async def test_what_is_told_in_words_too_goes_by_words_where_a_server_refuses_the_field(
    server: FaultyServer, name: str, route: Route, status: int, words: str
) -> None:
    """Once more without it, and the reply says by which route it was asked for in the end."""
    server.script(refusing(status, words, "response_format"))
    provider = create_provider(name, CANARY, base_url=server.url)
    outcome = await read(provider.stream(request(route, retries=0)))
    assert (outcome.text, outcome.details["route"]) == (ANSWER, "prompt")
    assert ["response_format" in one.json for one in server.requests] == [True, False]
    await provider.close()


async def test_a_field_that_a_server_does_not_know_is_not_sent_again(server: FaultyServer) -> None:
    """But one that refuses this schema may take the next."""
    for words, requests in ((REFUSALS[-1][1], 2), (REFUSALS[0][1], 2), (REFUSALS[0][1], 1)):
        server.script(refusing(400, words, "response_format"))
        server.requests.clear()
        provider = create_provider("vllm", CANARY, base_url=server.url)
        outcome = await read(provider.stream(request("strict")))
        assert outcome.details["route"] == "prompt"
        assert len(server.requests) == requests
        await provider.close()


@pytest.mark.parametrize("name", ["openai-chat", "groq", "mistral", "openrouter"])
async def test_a_schema_that_only_the_field_tells_is_never_left_out(server: FaultyServer, name: str) -> None:
    """The service's refusal is told: a model that knows nothing of the schema could not answer to it."""
    server.script(refusing(400, REFUSALS[0][1], "response_format"))
    provider = create_provider(name, CANARY, base_url=server.url)
    error = await fails(provider, errors.ProviderRequestError, request("strict", model="openai/gpt-oss-20b"))
    assert "response_format" in str(error)
    assert len(server.requests) == 1
    await provider.close()


@pytest.mark.parametrize(
    "name, words",
    [
        ("groq", "Thinking mode does not support this tool_choice"),
        ("deepseek", "tool_choice 'specified' is incompatible with thinking enabled"),
    ],
)
async def test_a_model_that_cannot_be_made_to_call_is_left_to_choose(
    server: FaultyServer, name: str, words: str
) -> None:
    """With one tool there is little to choose from."""
    server.script(refusing(400, words, "tool_choice"))
    provider = create_provider(name, CANARY, base_url=server.url)
    options = {"thinking": {"type": "disabled"}}
    assert (await read(provider.stream(request("tool", options=options)))).text == ANSWER
    assert server.requests[-1].json["tools"] == [CHAT_TOOL]
    await provider.close()


async def test_a_claude_that_cannot_be_made_to_call_is_left_to_choose(server: FaultyServer) -> None:
    """Whatever its name: the refusal says it."""

    def answer(request: SeenRequest) -> Reply:
        if request.json["tool_choice"]["type"] == "tool":
            words = "tool_choice: forced tool use is not supported by this model."
            return Reply.json(
                {"type": "error", "error": {"type": "invalid_request_error", "message": words}}, 400
            )
        return Reply.events(said(DIALECTS["messages"]))

    server.script(answer)
    provider = create_provider("anthropic", CANARY, base_url=server.url)
    assert (await read(provider.stream(request("tool", model="claude-haiku-4-5")))).text == ANSWER
    assert [one.json["tool_choice"]["type"] for one in server.requests] == ["tool", "auto"]
    await provider.close()


# What a server tells of its models


async def test_openrouters_list_says_how_a_model_can_be_asked(server: FaultyServer) -> None:
    """Once it has been listed, it counts more than the table."""
    rows: list[Mapping[str, Any]] = [
        {"id": "deepseek/v5", "supported_parameters": ["structured_outputs", "tools", "tool_choice"]},
        {"id": "openai/gpt-6-luna", "supported_parameters": ["tools", "tool_choice"]},
        {"id": "x/y", "supported_parameters": ["temperature"]},
    ]
    server.script(Reply.json({"data": rows}))
    provider = create_provider("openrouter", CANARY, base_url=server.url)
    assert (await provider.intake("deepseek/v5")).routes == ("prompt",)
    await provider.list_models()
    found = {row["id"]: (await provider.intake(row["id"])).routes for row in rows}
    assert found == {
        "deepseek/v5": ("strict", "tool", "prompt"),
        "openai/gpt-6-luna": ("tool", "prompt"),
        "x/y": ("prompt",),
    }
    await provider.close()


async def test_what_ollama_says_of_a_model_counts(server: FaultyServer) -> None:
    """One that calls no tools is not asked by one."""
    server.script(Reply.json({"capabilities": ["completion"]}))
    provider = create_provider("ollama", CANARY, base_url=server.url)
    assert (await provider.intake("gemma3")).routes == ("strict", "prompt")
    await provider.close()


@pytest.mark.parametrize(
    "version, first", [("2024-06-01", "tool"), ("2024-10-21", "strict"), (None, "strict")]
)
async def test_an_old_version_of_azure_has_no_schemas(version: str | None, first: str) -> None:
    """It is asked by a tool."""
    provider = create_provider("azure", CANARY, base_url="https://x.openai.azure.com", api_version=version)
    assert (await provider.intake("gpt-6-luna")).routes[0] == first


async def test_nothing_asks_for_a_schema_where_there_is_none(server: FaultyServer) -> None:
    """A plain request is what it was."""
    server.script(Reply.events(DIALECTS["chat"].stream))
    provider = create_provider("openai-compatible", CANARY, base_url=server.url)
    assert (await read(provider.stream(ask("Some JSON, please.")))).text == TEXT
    assert not ASKS & server.requests[0].json.keys()
    await provider.close()
