"""What `import langswarm_nb as ls` offers: the same names to Python, to a type checker and to Tab."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from dataclasses import MISSING, fields
from typing import assert_type

import pandas as pd
import pytest

import langswarm_nb as ls
from langswarm_nb import analysis
from langswarm_nb.core.session import (
    AnswerOptions,
    BaseSession,
    MetricsHook,
    SearchHit,
    SendOptions,
    SessionManager,
    SessionMessage,
    SessionSettings,
    SessionTypeError,
    SessionValueError,
    create_session_manager,
    create_simple_session,
    session_context,
)
from langswarm_nb.core.session.settings import SettingOptions


@pytest.mark.parametrize("name", ls.__all__)
def test_a_short_name_loads_what_it_stands_for(name):
    """Each short name is there, has words, and is offered to Tab."""
    assert inspect.getdoc(getattr(ls, name))
    assert name in dir(ls)


def test_the_table_of_short_names_is_the_list_of_public_ones():
    """What can be loaded is what is offered, here and in the analysis."""
    assert sorted(ls._SHORT_NAMES) == ls.__all__
    assert [name for name in analysis.__all__ if not hasattr(analysis, name)] == []


def test_a_star_gives_the_short_names():
    """`from langswarm_nb import *` works in a notebook, and brings no more than the short names."""
    code = "before = set(globals()); from langswarm_nb import *; print(sorted(set(globals()) - before - {'before'}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == repr(ls.__all__)


FRAMES = ("messages_df", "turns_df", "sessions_df", "attachments_df", "events_df")


@pytest.mark.parametrize("owner", [BaseSession, SessionManager])
@pytest.mark.parametrize("name", FRAMES)
def test_a_frame_that_is_a_method_has_the_arguments_of_the_function(owner, name):
    """Shift+Tab shows for `session.turns_df` what it shows for `turns_df`, but for what says whose rows they are."""
    method, function = (inspect.signature(getattr(place, name)) for place in (owner, analysis))
    chosen = {"source", "all"}
    known = [parameter for parameter in function.parameters.values() if parameter.name not in chosen]
    assert list(method.parameters.values())[1:] == known


@pytest.mark.parametrize("name", FRAMES)
async def test_a_frame_that_is_a_method_hands_its_arguments_on(name):
    """What the function refuses, the method refuses."""
    async with create_session_manager(storage="memory") as manager:
        manager.add_global_hook(MetricsHook())
        method = getattr(manager, name)
        method()
        for argument in inspect.signature(method).parameters.keys() - {
            "estimate"
        }:  # anything is true or false
            with pytest.raises((SessionTypeError, SessionValueError)):
                method(**{argument: 5})


async def test_a_program_of_a_user_is_typed() -> None:
    """`mypy --strict` knows the types of what users write, and the misspelt name; it reads this test too."""
    async with create_session_manager(storage="memory") as manager:
        assert_type(manager, SessionManager)
        session = await manager.create_session("ada", "mock", "echo", temperature=0.2)
        assert_type(session, BaseSession)
        assert_type(await session.send_message("Hello!"), SessionMessage)
        async for delta in session.stream_message("More?", role="user"):
            assert_type(delta.text, str)
        async with session_context(session) as chat:
            assert_type(chat, BaseSession)
        assert_type(await manager.search_messages("Hello"), list[SearchHit])
        assert_type(manager.messages_df(), pd.DataFrame)
        assert_type(ls.messages_df(manager), pd.DataFrame)
        assert_type(analysis.turns_df(session), pd.DataFrame)
    assert_type(await create_simple_session("ada"), BaseSession)
    with pytest.raises(AttributeError):
        ls.mesages_df  # type: ignore[attr-defined]  # noqa: B018 - the checker has to complain
    with pytest.raises(AttributeError):
        analysis.turn_df  # type: ignore[attr-defined]  # noqa: B018 - as above


UNITS = {
    "max_messages": "messages",
    "max_context_tokens": "tokens",
    "max_tokens": "tokens",
    "timeout_s": "seconds",
    "retries": "Repeats",
}


@pytest.mark.parametrize("field", fields(SessionSettings), ids=lambda field: field.name)
def test_the_help_of_settings_shows_every_field(field):
    """`help()` and Shift+Tab tell what each setting is, with its unit and what holds when it is not given."""
    words = inspect.getdoc(SessionSettings) or ""
    found = re.search(rf"^{field.name} : (.+)\n    (.+)$", words, re.MULTILINE)
    assert found is not None
    default = {} if field.default_factory is dict else field.default
    if default is not MISSING:
        shown = f'"{default}"' if isinstance(default, str) else repr(default)
        assert found[1].endswith(f", default {shown}")
    assert UNITS.get(field.name, "") in found[2]


@pytest.mark.parametrize("options", [SendOptions, AnswerOptions])
def test_the_help_of_options_shows_every_option(options):
    """What is not a setting stands in the docstring, in the class that brings it in."""
    told = "\n".join(inspect.getdoc(one) or "" for one in (AnswerOptions, SendOptions))
    listed = set(re.findall(r"\w+", " ".join(re.findall(r"^(\w[\w, ]*) : ", told, re.MULTILINE))))
    assert set(options.__annotations__) - listed == set(SettingOptions.__annotations__)


@pytest.mark.parametrize("name", ["MockProviderSession", "InMemorySessionStorage", "SQLiteSessionStorage"])
def test_what_only_some_need_is_loaded_on_demand(name):
    """It is exported like the rest, and an import does not pay for it."""
    code = (
        "import sys, langswarm_nb.core.session as s\n"
        f"assert {name!r} in s.__all__ and {name!r} in dir(s) and {name!r} not in vars(s)\n"
        "assert not {'langswarm_nb.core.session.providers.mock', 'langswarm_nb.core.session.storage.memory',"
        " 'langswarm_nb.core.session.storage.sqlite'} & set(sys.modules)\n"
        f"assert s.{name}.__name__ == {name!r}\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
