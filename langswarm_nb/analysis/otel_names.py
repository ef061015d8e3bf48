"""OpenTelemetry's names for what we measure, as literals in one table.

The conventions for generative AI are "Development": names move, so nothing else in the package spells them. A
provider's name is in its row of `core.session.providers.catalogue`.
"""

from __future__ import annotations

TURN_ATTRIBUTES = {
    "session_id": "gen_ai.conversation.id",
    "request_id": "langswarm_nb.request_id",
    "operation": "gen_ai.operation.name",
    "provider": "gen_ai.provider.name",
    "request_model": "gen_ai.request.model",
    "model": "gen_ai.response.model",
    "duration_s": "gen_ai.client.operation.duration",
    "time_to_first_chunk_s": "gen_ai.response.time_to_first_chunk",
    "input_tokens": "gen_ai.usage.input_tokens",
    "cache_read_input_tokens": "gen_ai.usage.cache_read.input_tokens",
    "cache_creation_input_tokens": "gen_ai.usage.cache_creation.input_tokens",
    "output_tokens": "gen_ai.usage.output_tokens",
    "reasoning_output_tokens": "gen_ai.usage.reasoning.output_tokens",
    "finish_reason": "gen_ai.response.finish_reasons",
    "error_type": "error.type",
    "streamed": "gen_ai.request.stream",
    "turn": "langswarm_nb.turn",
    "version": "langswarm_nb.version",
}
"""Column of `turns_df` -> name of the attribute; the conventions know no place in a conversation and no id of
a request, so those are ours."""

PARAM_ATTRIBUTES = {
    "temperature": "gen_ai.request.temperature",
    "max_tokens": "gen_ai.request.max_tokens",
    "top_p": "gen_ai.request.top_p",
    "stop": "gen_ai.request.stop_sequences",
    "seed": "gen_ai.request.seed",
}
"""What was asked for beside the messages -> name of the attribute."""

RESPONSE_ID = "gen_ai.response.id"
"""The provider's own id of the answer."""
SYSTEM_INSTRUCTIONS = "gen_ai.system_instructions"
INPUT_MESSAGES = "gen_ai.input.messages"
OUTPUT_MESSAGES = "gen_ai.output.messages"
FINISH_REASONS = {"tool_calls": "tool_call"}
"""Words of ours for why an answer ended -> the conventions' in `OUTPUT_MESSAGES`, where they differ."""
TOKEN_TYPE = "gen_ai.token.type"  # noqa: S105 - a name, not a secret

DURATION = "gen_ai.client.operation.duration"
TOKEN_USAGE = "gen_ai.client.token.usage"  # noqa: S105
TIME_TO_FIRST_CHUNK = "gen_ai.client.operation.time_to_first_chunk"

DURATION_BUCKETS_S = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
FIRST_CHUNK_BUCKETS_S = (
    0.001,
    0.005,
    0.01,
    0.02,
    0.04,
    0.06,
    0.08,
    0.1,
    0.25,
    0.5,
    0.75,
    1.0,
    2.5,
    5.0,
    7.5,
    10.0,
)
TOKEN_BUCKETS = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864)
