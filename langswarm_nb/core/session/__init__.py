"""The session library: one async API over model services, with every conversation kept.

>>> import asyncio
>>> from langswarm_nb.core.session import create_session_manager
>>> async def hello() -> str:
...     async with create_session_manager(storage="memory") as manager:
...         session = await manager.create_session("ada", "mock", "echo")
...         return (await session.send_message("Hello!")).role
>>> asyncio.run(hello())
<MessageRole.ASSISTANT: 'assistant'>
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .base import BaseSession, SessionManager
from .context import SessionContext, session_context
from .default import get_session_manager, initialize_default_session_manager, set_session_manager
from .errors import (
    AttachmentError,
    ContextLengthError,
    MissingExtraError,
    ProviderAuthenticationError,
    ProviderConnectionError,
    ProviderNotFoundError,
    ProviderOverloadedError,
    ProviderQuotaError,
    ProviderRateLimitError,
    ProviderRequestError,
    ProviderResponseError,
    ProviderServerError,
    ProviderSessionError,
    ProviderTimeoutError,
    SessionBusyError,
    SessionClosedError,
    SessionError,
    SessionExistsError,
    SessionLeasedError,
    SessionMiddlewareError,
    SessionMovedError,
    SessionNotFoundError,
    SessionStorageError,
    SessionTypeError,
    SessionValueError,
    StreamInterruptedError,
)
from .factory import (
    configure_development_sessions,
    configure_production_sessions,
    create_provider_session,
    create_session_manager,
    create_simple_session,
)
from .hooks import LoggingMiddleware, MetricsHook
from .interfaces import (
    Bounds,
    ChainPlace,
    Decision,
    DecisionRequest,
    Delta,
    Finish,
    FinishReason,
    Intake,
    IProviderSession,
    ISession,
    ISessionLifecycleHook,
    ISessionManager,
    ISessionMiddleware,
    ISessionStorage,
    MessageRole,
    ModelInfo,
    Part,
    PartDone,
    ProviderEvent,
    ProviderRequest,
    ReplyInfo,
    RequestFacts,
    RetryNotice,
    SearchHit,
    SessionBackend,
    SessionMessage,
    SessionMetrics,
    SessionRecord,
    SessionSettings,
    SessionStatus,
    SettingChanges,
    SettingValues,
    ThoughtSoFar,
    Usage,
)
from .providers import parse_model_id, provider_names
from .sending.options import AnswerOptions, SendOptions
from .sending.stream import MessageStream

if TYPE_CHECKING:
    from .answers.answer_schema import AnswerSchema, schema_of
    from .answers.decided import DecisionAnswer, decision_schema
    from .answers.questions import Question, levels, questions_of
    from .answers.schema_errors import (
        AnswerError,
        AnswerInvalidError,
        AnswerRefusedError,
        AnswerTruncatedError,
        SchemaChoiceError,
        SchemaDefinitionError,
        SchemaDuplicateNameError,
        SchemaError,
        SchemaNameError,
        SchemaRecursionError,
        SchemaRouteError,
        SchemaSyntaxError,
        SchemaTypeUnknownError,
        SchemaUnfulfillableError,
    )
    from .attachments.attaching import attach
    from .attachments.attachment import Attachment
    from .providers.decider import Decider
    from .providers.mock import MockProviderSession
    from .storage.memory import InMemorySessionStorage
    from .storage.sqlite import SQLiteSessionStorage

__all__ = [
    "AnswerError",
    "AnswerInvalidError",
    "AnswerOptions",
    "AnswerRefusedError",
    "AnswerSchema",
    "AnswerTruncatedError",
    "Attachment",
    "AttachmentError",
    "BaseSession",
    "Bounds",
    "ChainPlace",
    "ContextLengthError",
    "Decider",
    "Decision",
    "DecisionAnswer",
    "DecisionRequest",
    "Delta",
    "Finish",
    "FinishReason",
    "IProviderSession",
    "ISession",
    "ISessionLifecycleHook",
    "ISessionManager",
    "ISessionMiddleware",
    "ISessionStorage",
    "InMemorySessionStorage",
    "Intake",
    "LoggingMiddleware",
    "MessageRole",
    "MessageStream",
    "MetricsHook",
    "MissingExtraError",
    "MockProviderSession",
    "ModelInfo",
    "Part",
    "PartDone",
    "ProviderAuthenticationError",
    "ProviderConnectionError",
    "ProviderEvent",
    "ProviderNotFoundError",
    "ProviderOverloadedError",
    "ProviderQuotaError",
    "ProviderRateLimitError",
    "ProviderRequest",
    "ProviderRequestError",
    "ProviderResponseError",
    "ProviderServerError",
    "ProviderSessionError",
    "ProviderTimeoutError",
    "Question",
    "ReplyInfo",
    "RequestFacts",
    "RetryNotice",
    "SQLiteSessionStorage",
    "SchemaChoiceError",
    "SchemaDefinitionError",
    "SchemaDuplicateNameError",
    "SchemaError",
    "SchemaNameError",
    "SchemaRecursionError",
    "SchemaRouteError",
    "SchemaSyntaxError",
    "SchemaTypeUnknownError",
    "SchemaUnfulfillableError",
    "SearchHit",
    "SendOptions",
    "SessionBackend",
    "SessionBusyError",
    "SessionClosedError",
    "SessionContext",
    "SessionError",
    "SessionExistsError",
    "SessionLeasedError",
    "SessionManager",
    "SessionMessage",
    "SessionMetrics",
    "SessionMiddlewareError",
    "SessionMovedError",
    "SessionNotFoundError",
    "SessionRecord",
    "SessionSettings",
    "SessionStatus",
    "SessionStorageError",
    "SessionTypeError",
    "SessionValueError",
    "SettingChanges",
    "SettingValues",
    "StreamInterruptedError",
    "ThoughtSoFar",
    "Usage",
    "attach",
    "configure_development_sessions",
    "configure_production_sessions",
    "create_provider_session",
    "create_session_manager",
    "create_simple_session",
    "decision_schema",
    "get_session_manager",
    "initialize_default_session_manager",
    "levels",
    "parse_model_id",
    "provider_names",
    "questions_of",
    "schema_of",
    "session_context",
    "set_session_manager",
]
_ON_DEMAND = {
    "AnswerSchema": ".answers.answer_schema",
    "schema_of": ".answers.answer_schema",
    "Decider": ".providers.decider",
    **dict.fromkeys(("DecisionAnswer", "decision_schema"), ".answers.decided"),
    **dict.fromkeys(("Question", "levels", "questions_of"), ".answers.questions"),
    **dict.fromkeys(
        (
            "AnswerError",
            "AnswerInvalidError",
            "AnswerRefusedError",
            "AnswerTruncatedError",
            "SchemaChoiceError",
            "SchemaDefinitionError",
            "SchemaDuplicateNameError",
            "SchemaError",
            "SchemaNameError",
            "SchemaRecursionError",
            "SchemaRouteError",
            "SchemaSyntaxError",
            "SchemaTypeUnknownError",
            "SchemaUnfulfillableError",
        ),
        ".answers.schema_errors",
    ),
    "Attachment": ".attachments.attachment",
    "attach": ".attachments.attaching",
    "InMemorySessionStorage": ".storage.memory",
    "MockProviderSession": ".providers.mock",
    "SQLiteSessionStorage": ".storage.sqlite",
}
"""Names that are loaded on first use, and where each is defined: few programs need them."""

if not TYPE_CHECKING:  # a type checker would take any name for one of ours

    def __getattr__(name: str) -> Any:
        if name not in _ON_DEMAND:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(_ON_DEMAND[name], __name__), name)
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_ON_DEMAND})
