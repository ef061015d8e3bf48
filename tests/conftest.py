"""Fixtures for every test: an empty home, no keys, no network, and one real model server for who asks."""

from __future__ import annotations

import contextlib
import gc
import itertools
from typing import TYPE_CHECKING

import hypothesis
import pytest

from tests.support.isolation import block_network, clean_environment, home_variables
from tests.support.measured import MEASURED, load, unmeasured

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from scripts.local_server import LocalServer


# No example may fail because the machine was busy with something else.
hypothesis.settings.register_profile(
    "patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("patient")


def pytest_configure() -> None:
    """Close the network and forget the developer's keys before a test module is imported."""
    clean_environment()
    block_network()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect without tracing, and keep the garbage collector off the thousands of tests that are made."""
    load("langswarm_nb")
    gc.disable()
    try:
        with unmeasured():
            return (yield)
    finally:
        gc.enable()
        gc.freeze()


def pytest_itemcollected(item: pytest.Item) -> None:
    """Choose the tests whose lines are counted while they come in the order of their files."""
    MEASURED.choose(item)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Count the lines of the chosen tests."""
    with contextlib.nullcontext() if item in MEASURED else unmeasured():
        return (yield)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start with the files that take long."""
    long = {item.path for item in items if _is(item, "slow") or _is(item, "kernel")}
    items.sort(key=lambda item: item.path not in long)


def _is(item: pytest.Item, mark: str) -> bool:
    return any(item.iter_markers(mark))


@pytest.fixture(scope="session", autouse=True)
def _one_cache_for_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let slow caches, such as matplotlib's fonts, be made once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MPLCONFIGDIR", str(tmp_path_factory.mktemp("matplotlib")))
        patch.setenv("MPLBACKEND", "agg")
        yield


@pytest.fixture(scope="session", autouse=True)
def _homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Iterator[Path]]:
    """Yield an empty folder for each test; one more is the home of what several tests share."""
    folder = tmp_path_factory.mktemp("homes")

    def made() -> Iterator[Path]:
        for number in itertools.count():
            home = folder / str(number)
            home.mkdir()
            yield home
            while number and home.is_dir() and not any(home.iterdir()):
                yield home  # the test before left nothing in it

    folders = made()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in home_variables(next(folders)).items():
            patch.setenv(name, value)
        yield folders


@pytest.fixture(autouse=True)
def home(_homes: Iterator[Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the empty folder that is the user's home for this test and for the kernels it starts."""
    folder = next(_homes)
    for name, value in home_variables(folder).items():
        monkeypatch.setenv(name, value)
    return folder


@pytest.fixture(scope="module")
def small_heap() -> None:
    """Let `gc.collect` look at what the tests of this module make, not at all that those before them left."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the GGUF file of the tiny random model."""
    from tests.support.llama import write_tiny_model

    path = tmp_path_factory.mktemp("model") / "tiny.gguf"
    write_tiny_model(path)
    return path


@pytest.fixture(scope="session")
def llama_server(tiny_model: Path) -> Iterator[LocalServer]:
    """Yield llama.cpp's server with the tiny model; `url` is its address, `name` the model's name."""
    pytest.importorskip("xllamacpp", reason="needs the wheel xllamacpp", exc_type=ImportError)
    from scripts.local_server import LocalServer
    from tests.support.llama import CONTEXT_TOKENS, MODEL_NAME

    with LocalServer(tiny_model, name=MODEL_NAME, context_tokens=CONTEXT_TOKENS) as server:
        yield server


@pytest.fixture(scope="session")
def seeing_server(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """Yield llama.cpp's server with the tiny model and eyes for it."""
    pytest.importorskip("xllamacpp", reason="needs the wheel xllamacpp", exc_type=ImportError)
    from scripts.local_server import LocalServer
    from tests.support.llama import CONTEXT_TOKENS, MODEL_NAME, write_tiny_eyes

    eyes = tmp_path_factory.mktemp("eyes") / "eyes.gguf"
    write_tiny_eyes(eyes)
    with LocalServer(tiny_model, name=MODEL_NAME, context_tokens=CONTEXT_TOKENS, eyes=eyes) as server:
        yield server
