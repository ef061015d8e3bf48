"""A service's own words reach the reader: in whatever field they stand, behind whatever status, in each dialect."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langswarm_nb.core.session import errors
from langswarm_nb.core.session.providers._http.fault_bodies import fault_inside, read_fault
from tests.contract.provider_cases import TEXT, Dialect, ask, fails, impatient, read
from tests.support.faulty import FaultyServer, Reply

pytestmark = [  # what stands above the HTTP libraries needs only one of them
    pytest.mark.usefixtures("library"),
    pytest.mark.parametrize("library", ["httpx"], indirect=True),
]

WORDS = "the bird has flown"
FORMS: dict[str, Any] = {
    "an error's message": {"error": {"message": WORDS, "type": "t"}},
    "an error's msg": {"error": {"code": "1113", "msg": WORDS}},
    "an error as text": {"error": WORDS},
    "a code beside it": {"code": "bad-thing", "error": WORDS},
    "an error in an error": {"error": {"error": {"message": WORDS}}},
    "in a list": [{"error": {"code": 400, "message": WORDS}}],
    "detail": {"detail": WORDS},
    "details of fields": {"detail": [{"loc": ["body", "x"], "msg": WORDS, "type": "t"}]},
    "an error in the detail": {"detail": {"error": WORDS}},
    "code and msg": {"code": 1113, "msg": WORDS},
    "error_code and error_msg": {"error_code": 17, "error_msg": WORDS},
    "error_code and text": {"id": None, "choices": None, "error_code": 500, "text": WORDS},
    "errorMessage": {"errorMessage": WORDS},
    "Message": {"Message": WORDS},
    "Message and ErrorCode": {"Message": WORDS, "ErrorCode": "X"},
    "base_resp": {"id": "", "choices": None, "base_resp": {"status_code": 1008, "status_msg": WORDS}},
    "code, message, request_id": {"code": "DataInspectionFailed", "message": WORDS, "request_id": "r"},
    "errors in a list": {"success": False, "errors": [{"code": 10000, "message": WORDS}], "result": None},
    "a problem document": {"type": "about:blank", "status": 400, "title": "Bad", "detail": WORDS},
    "a problem without detail": {"status": 400, "title": WORDS},
    "a heading and a message": {"status": 400, "error": "Bad Request", "message": WORDS, "path": "/x"},
    "an older form": {"object": "error", "message": WORDS, "code": 400},
    "JSON as text in it": {"error": {"message": json.dumps({"error": {"message": WORDS}})}},
    "a word of a gateway's source": {
        "error": {
            "message": "Provider returned error",
            "metadata": {"raw": json.dumps({"error": {"message": WORDS}})},
        }
    },
}
form = pytest.mark.parametrize("body", FORMS.values(), ids=FORMS)


@form
@pytest.mark.parametrize("status", [400, 403, 429, 504])
async def test_a_refusal_is_quoted_whatever_its_form(
    provider: Any, server: FaultyServer, body: Any, status: int
) -> None:
    """It never says that there was no reason when the body holds one."""
    server.script(Reply.json(body, status))
    error = await fails(provider, errors.ProviderSessionError, ask(retries=0))
    assert WORDS in str(error)
    assert "no reason" not in str(error)


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": {"text": WORDS}}},
        {"error": {"info": WORDS, "code": "x"}},
        {"error": [{"why": [WORDS]}]},
        {"exception": WORDS, "code": 7},
        {"statusMessage": WORDS},
        {"outcome": {"problems": [{"explanation": WORDS}]}},
    ],
)
@pytest.mark.parametrize("status", [400, 503])
async def test_words_under_a_name_that_nobody_knows_are_quoted(
    provider: Any, server: FaultyServer, body: Any, status: int
) -> None:
    """Only a body without any words gives no reason."""
    server.script(Reply.json(body, status))
    assert WORDS in str(await fails(provider, errors.ProviderSessionError, ask(retries=0)))
    server.script(Reply.json({"error": {"code": "x", "type": "y", "param": None}, "id": "z"}, status))
    assert "no reason" in str(await fails(provider, errors.ProviderSessionError, ask(retries=0)))


@form
@pytest.mark.parametrize("stream", [True, False])
async def test_an_error_in_the_place_of_a_reply_is_quoted(
    provider: Any, server: FaultyServer, body: Any, stream: bool
) -> None:
    """An answer of 200 that holds an error is that error, whether a stream was asked for or not; one request."""
    server.script(Reply.json(body))
    error = await fails(provider, errors.ProviderSessionError, ask(stream=stream))
    assert WORDS in str(error)
    assert error.maybe_processed
    assert len(server.requests) == 1


@form
async def test_an_error_inside_a_stream_is_quoted(
    provider: Any, dialect: Dialect, server: FaultyServer, body: Any
) -> None:
    """So is one that comes as an event, before any text."""
    if isinstance(body, list):
        body = body[0]
    line = json.dumps(body).encode()
    server.script(
        Reply.events(line + b"\n" if dialect.is_lines else b"data: " + line + b"\n\ndata: [DONE]\n\n")
    )
    error = await fails(provider, errors.ProviderSessionError)
    assert WORDS in str(error)


@form
@pytest.mark.parametrize("status", [400, 503])
async def test_a_refusal_written_as_events_is_quoted(
    provider: Any, server: FaultyServer, body: Any, status: int
) -> None:
    """Servers that stream may stream their errors too."""
    told = b": sorry\n\nevent: error\ndata: " + json.dumps(body).encode() + b"\n\ndata: [DONE]\n\n"
    server.script(Reply.events(told, status=status))
    error = await fails(provider, errors.ProviderSessionError, ask(retries=0))
    assert WORDS in str(error)
    assert "data:" not in str(error)


async def test_an_error_beside_a_chunk_is_quoted(server: FaultyServer) -> None:
    """A first chunk without text does not hide the error behind it."""
    chunk = {
        "id": "c1",
        "model": "m",
        "choices": [{"index": 0, "delta": {"content": None}, "finish_reason": None}],
    }
    body = {"id": None, "choices": None, "error_code": 500, "text": WORDS}
    from tests.contract.provider_cases import CHAT, event

    provider = impatient(CHAT, server.url)
    server.script(Reply.events(event(chunk) + event(body) + event("[DONE]")))
    assert WORDS in str(await fails(provider, errors.ProviderSessionError))
    await provider.close()


# What is not an error


@pytest.mark.parametrize(
    "body",
    [
        {"id": "x", "base_resp": {"status_code": 0, "status_msg": ""}, "choices": [{"delta": {}}]},
        {"id": "x", "choices": [], "base_resp": {"status_code": 0, "status_msg": "success"}},
        {"code": 0, "msg": "success", "trace": "x"},
        {"type": "ping"},
        {"type": "heartbeat", "message": "still here"},
        {"status": "processing", "message": "one moment"},
        {"message": {"role": "assistant", "content": ""}, "done": False},
        {"type": "response.output_text.done", "text": "an error occurred", "item_id": "i"},
        {"object": "response", "error": None, "output": [], "status": "completed"},
        {"hello": "world"},
        [1],
        "text",
        None,
    ],
)
def test_what_stands_beside_replies_is_no_error(body: Any, library: str) -> None:
    """Heartbeats, successes and pieces of replies pass."""
    assert fault_inside(body) is None


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*"abc", "error", "detail", "message", "code", "status", "type"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(_json)
def test_any_json_can_be_read_as_an_error(body: Any) -> None:
    """Reading an error never fails, and what it finds has the form that errors need."""
    fault = read_fault(body)
    assert isinstance(fault.message, str)
    assert fault.code is None or isinstance(fault.code, str)
    assert fault.status is None or 400 <= fault.status < 600
    assert issubclass(fault.class_for(400), errors.ProviderSessionError)


# What the words and codes mean

STATUSES = {
    "a number": {"error": {"message": "m", "code": 404}},
    "a number as text": {"error": {"message": "m", "code": "404"}},
    "a status in it": {"error": {"message": "m", "status": 404, "code": None}},
    "a status beside it": {"status": 404, "title": "Not there", "detail": "m"},
    "a status code": {"statusCode": 404, "message": "m"},
}


@pytest.mark.parametrize("body", STATUSES.values(), ids=STATUSES)
@pytest.mark.parametrize("stream", [True, False])
async def test_a_status_in_an_answer_of_200_is_the_status(
    provider: Any, server: FaultyServer, body: Any, stream: bool
) -> None:
    """Azure and others answer 200 and mean 400: the error is that of the number, however it is written."""
    server.script(Reply.json(body))
    error = await fails(provider, errors.ProviderNotFoundError, ask(stream=stream))
    assert "404" in str(error)


NO_MONEY: dict[str, tuple[int, Any]] = {
    "spend limit": (
        429,
        {
            "type": "error",
            "error": {
                "type": "rate_limit_error",
                "message": "m",
                "details": {"error_code": "enforced_spend_limit_reached"},
            },
        },
    ),
    "credit balance": (
        400,
        {"error": {"type": "invalid_request_error", "message": "Your credit balance is too low"}},
    ),
    "budget": (
        400,
        {
            "error": {
                "message": "Budget has been exceeded! Max budget: 1",
                "type": "budget_exceeded",
                "code": "400",
            }
        },
    ),
    "budget by words": (429, {"error": {"message": "ExceededBudget: over budget", "code": "429"}}),
    "gateway's budget": (429, {"detail": "Exceeded budget for key"}),
    "project's limit": (429, {"error": {"message": "m", "code": "project_spend_limit_exceeded"}}),
    "arrears": (429, {"error": {"code": "1113", "msg": "account in arrears"}}),
    "balance in a reply": (200, {"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}}),
    "credits in a reply": (200, {"detail": "Not enough credits"}),
    "quota as 500": (500, {"error": {"message": "monthly quota exceeded"}}),
    "quota as 403": (403, {"message": "Out of credits"}),
}


@pytest.mark.parametrize("status, body", NO_MONEY.values(), ids=NO_MONEY)
@pytest.mark.parametrize("headers", [{}, {"x-should-retry": "true"}, {"retry-after": "1"}])
async def test_a_lack_of_money_is_final(
    provider: Any, server: FaultyServer, status: int, body: Any, headers: dict[str, str]
) -> None:
    """Quotas, budgets and spend limits, by code or by words: one request, and no hint to send again."""
    server.script(Reply.json(body, status, headers=headers))
    error = await fails(provider, errors.ProviderQuotaError)
    assert "credit" in str(error)
    assert "again" not in str(error).lower()
    assert (len(server.requests), provider.waits) == (1, [])


LASTING = {
    "no such thing": (500, {"error": {"message": "image input is not supported"}}),
    "memory": (500, {"error": "model requires more system memory (9 GiB) than is available (3 GiB)"}),
    "flag": (
        500,
        {"error": {"code": 500, "message": "tools param requires --jinja flag", "type": "server_error"}},
    ),
    "not permitted": (500, {"detail": [{"loc": ["body", "x"], "msg": "Extra inputs are not permitted"}]}),
    "unrecognized": (500, {"error": {"message": "Unrecognized request argument supplied: x"}}),
    "its own code": (500, {"error": {"message": "wrong", "code": "400"}}),
    "bad key": (500, {"error": {"message": "Incorrect API key provided"}}),
    "too long": (500, {"error": {"message": "the prompt exceeds the context size"}}),
    "not implemented": (501, {"error": {"message": "m"}}),
}


@pytest.mark.parametrize("status, body", LASTING.values(), ids=LASTING)
async def test_a_failure_for_good_is_not_repeated(
    provider: Any, server: FaultyServer, status: int, body: Any
) -> None:
    """A 500 that its words, or its own code, call the request's fault would fail again: one request."""
    server.script(Reply.json(body, status))
    await fails(provider, errors.ProviderSessionError)
    assert (len(server.requests), provider.waits) == (1, [])


LOADING = {
    "llama.cpp": {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}},
    "another": {"error": "Model gpt2 is currently loading"},
}


@pytest.mark.parametrize("body", LOADING.values(), ids=LOADING)
@pytest.mark.parametrize("retries", [0, 2])
async def test_a_model_that_is_being_loaded_is_waited_for(
    provider: Any, server: FaultyServer, good: Reply, body: Any, retries: int
) -> None:
    """As long as the whole call may take, whatever the number of repeats; the wait is told each time."""
    server.script(*[Reply.json(body, 503)] * 9, good)
    notices: list[Any] = []

    async def note(notice: Any) -> None:
        notices.append(notice)

    assert (await read(provider.stream(ask(on_retry=note, retries=retries)))).text == TEXT
    assert len(server.requests) == 10
    assert len(provider.waits) == len(notices) == 9
    assert all("loading" in notice.reason for notice in notices)


async def test_a_model_that_is_never_loaded_ends_with_the_call(provider: Any, server: FaultyServer) -> None:
    """Then the error says what it waited for."""
    waits = {"retry-after": "9"}
    server.script(Reply.json(LOADING["llama.cpp"], 503), Reply.json(LOADING["llama.cpp"], 503, headers=waits))
    error = await fails(
        provider, errors.ProviderOverloadedError, ask(started=time.monotonic() - 770, timeout_s=777)
    )
    assert "Loading model" in str(error)
    assert len(server.requests) == 2


async def test_a_wait_that_a_gateway_hands_on_is_kept(
    provider: Any, server: FaultyServer, good: Reply
) -> None:
    """LiteLLM tells the wait of the service behind it under a name of its own."""
    server.script(Reply.json({}, 429, headers={"llm_provider-retry-after": "7"}), good)
    await read(provider.stream(ask()))
    assert provider.waits == [7.0]


@pytest.mark.parametrize(
    "status, body, kind",
    [
        (
            401,
            {"error": {"message": "Unauthorized", "type": "api_error"}},
            errors.ProviderAuthenticationError,
        ),
        (
            400,
            {"code": "invalid-argument", "error": "Incorrect API key provided."},
            errors.ProviderAuthenticationError,
        ),
        (
            400,
            {"error": {"message": "m", "type": "too_many_prompt_tokens", "code": 400}},
            errors.ContextLengthError,
        ),
        (
            403,
            {
                "error": {
                    "code": 403,
                    "message": "m",
                    "metadata": {"reasons": ["violence"], "flagged_input": "x"},
                }
            },
            errors.ProviderRequestError,
        ),
        (
            400,
            {"status": 400, "title": "Bad Request", "detail": "DEGRADED function cannot be invoked"},
            errors.ProviderOverloadedError,
        ),
    ],
)
async def test_what_says_more_than_the_rest_decides(
    provider: Any, server: FaultyServer, status: int, body: Any, kind: type[errors.ProviderSessionError]
) -> None:
    """A general code gives way to the status, words and marks of one service's own to neither."""
    server.script(Reply.json(body, status))
    error = await fails(provider, kind)
    assert type(error) is kind


# What to do next


async def test_nginx_says_that_a_request_is_too_large(provider: Any, server: FaultyServer) -> None:
    """Its page is not quoted, but its title is, and the step is to send less."""
    page = b"<html><head><title>413 Request Entity Too Large</title></head><body>nginx</body></html>"
    server.script(Reply(413, page, {"content-type": "text/html"}))
    error = await fails(provider, errors.ProviderRequestError)
    assert "413 Request Entity Too Large" in str(error)
    assert "client_max_body_size" in str(error)
    assert "max_messages" in str(error)


@pytest.mark.parametrize(
    "words",
    ["The plain HTTP request was sent to HTTPS port", "Client sent an HTTP request to an HTTPS server."],
)
async def test_an_https_port_spoken_to_in_http_is_told(
    provider: Any, server: FaultyServer, words: str
) -> None:
    """The step names the scheme."""
    server.script(Reply(400, words.encode(), {"content-type": "text/plain"}))
    error = await fails(provider, errors.ProviderRequestError)
    assert "https://" in str(error)


@pytest.mark.parametrize("body", [{}, {"detail": "Not Found"}, {"error": {"message": "no such path"}}])
async def test_a_server_without_responses_points_to_the_older_api(server: FaultyServer, body: Any) -> None:
    """A 404 at another address than OpenAI's names the provider that more servers understand."""
    from tests.contract.provider_dialects import DIALECTS

    for name, is_named in (("responses", True), ("chat", False)):
        provider = impatient(DIALECTS[name], server.url)
        server.script(Reply.json(body, 404))
        error = await fails(provider, errors.ProviderNotFoundError)
        assert ("'openai-chat'" in str(error)) is is_named
        await provider.close()
