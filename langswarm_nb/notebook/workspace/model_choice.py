"""`KernelModels`: which model is meant by what a user typed, and which model was chosen for a session."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from langswarm_nb.core.session.errors import SessionValueError
from langswarm_nb.core.session.providers import is_provider, parse_model_id, provider_names
from langswarm_nb.core.session.providers.catalogue import OFFLINE_PROVIDERS, PROVIDERS, maker_of
from langswarm_nb.core.session.text import did_you_mean
from langswarm_nb.core.session.values import text

from .aliases import alias_file, read_aliases, write_aliases
from .kernel_store import KernelStore

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from langswarm_nb.core.session import BaseSession, SessionRecord
    from langswarm_nb.notebook.config import NotebookConfig

DEFAULT_MODEL = "mock:echo"
CHOSEN = "model_chosen"
"""In the metadata of a session whose model was chosen; others, too, were when it is not the default."""


class KernelModels(KernelStore):
    """Names of models, and the choice of one for a session."""

    def __init__(self, shell: InteractiveShell, config: NotebookConfig) -> None:
        super().__init__(shell, config)
        self.seen_models: set[str] = set()
        """Models that a provider has listed, for completion."""
        self._aliases: dict[str, str] | None = None

    async def close(self) -> None:
        self._aliases = None
        await super().close()

    def model_id(self, model: str, *, session: BaseSession | None = None, default: str | None = None) -> str:
        """Return ``provider:model`` for what the user typed: an alias, with or without a provider.

        Raises
        ------
        SessionValueError
            It is not a model of a known provider.
        SessionTypeError
            It is not text.
        """
        model = text("model", model)
        model = self.aliases.get(model, model)
        if session is not None and session.provider not in OFFLINE_PROVIDERS:
            default = session.provider
        head = model.partition(":")[0] if ":" in model else model.partition("/")[0]
        is_known = head == model or is_provider(head.lower())
        near = "" if is_known else did_you_mean(head.lower(), provider_names())
        if (maker := maker_of(model)) and not is_provider(head.lower()) and not _may_have(default, maker):
            raise SessionValueError(
                f"{model!r} is a model without its provider: write {maker}:{model}. "
                "`%langswarm models` lists the providers."
            )
        try:
            provider, name = parse_model_id(model, default_provider=None if near else default)
        except SessionValueError as error:
            if is_provider(model):
                raise SessionValueError(
                    f"{model!r} is a provider; name one of its models too: write {model}:MODEL. "
                    f"`%langswarm models {model}` lists them."
                ) from error
            if not near:
                raise
            raise SessionValueError(
                f"model={model!r} is not known{near} Providers: {', '.join(provider_names())}."
            ) from error
        return f"{provider}:{name}"

    @property
    def aliases(self) -> dict[str, str]:
        """Short names of models."""
        if self._aliases is None:
            self._aliases = read_aliases(alias_file(self._db_path))
        return self._aliases

    def set_aliases(self, aliases: Mapping[str, str]) -> None:
        """Keep other short names, on disk when the store is."""
        if (path := alias_file(self._db_path)) is not None:
            write_aliases(path, aliases)
        self._aliases = dict(aliases)

    async def choose_model(self, session: BaseSession, model: str) -> None:
        """Tell a session its model.

        Raises
        ------
        SessionError
            It cannot be used, or not stored.
        """
        await session.update_settings(model=model)
        if session.record.metadata.get(CHOSEN) is not True:
            await session.change(metadata={**session.record.metadata, CHOSEN: True})

    async def names_model(self, session: BaseSession, model: str | None) -> str:
        """Take a model as the session's, when it is the first real one that is named for it; say so.

        Parameters
        ----------
        model : str or None
            ``provider:model`` that a cell named; None when it named none.

        Returns
        -------
        str
            What to show the reader; empty when nothing was changed.
        """
        if model is None or not is_real(model) or is_chosen(session.record):
            return ""
        await self.choose_model(session, model)
        return f"{model} is now the model of this session"


def _may_have(provider: str | None, maker: str) -> bool:
    """Tell whether a model of this maker may be a provider's: hosts have models of all, makers their own."""
    row = None if provider is None else PROVIDERS.get(provider)
    if provider is None or provider in OFFLINE_PROVIDERS:
        return False
    return provider == maker or row is None or not (row.families and row.needs_key)


def is_real(model: str) -> bool:
    """Tell whether a model is more than a stand-in that answers offline."""
    return model.partition(":")[0] not in OFFLINE_PROVIDERS


def is_chosen(record: SessionRecord) -> bool:
    """Tell whether somebody has told a session its model."""
    return model_of(record) != DEFAULT_MODEL or record.metadata.get(CHOSEN) is True


def model_of(record: SessionRecord) -> str:
    """Return a session's model, ``provider:model``."""
    return f"{record.settings.provider}:{record.settings.model}"
