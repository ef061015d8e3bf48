"""What is published: the archives hold what they should, and the wheel alone runs the quickstart."""

from __future__ import annotations

import email
import re
import subprocess
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.support.installed import environment
from tests.support.paths import REPOSITORY

pytestmark = [pytest.mark.installs, pytest.mark.slow]

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))
TOOLS = [*PROJECT["build-system"]["requires"], "build", "twine"]


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return the wheel and the source archive, built as a release builds them."""
    programs = environment("package", *TOOLS)
    folder = tmp_path_factory.mktemp("dist")
    command = [
        str(programs / "python"),
        "-m",
        "build",
        "--no-isolation",
        "--outdir",
        str(folder),
        str(REPOSITORY),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    [wheel], [source] = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return wheel, source


def test_the_wheel_holds_every_file_of_the_package(archives: tuple[Path, Path]) -> None:
    """Modules, the mark of types, the panel's page; and nothing else but its metadata."""
    with zipfile.ZipFile(archives[0]) as wheel:
        names = set(wheel.namelist())
    ours = {
        file.relative_to(REPOSITORY).as_posix()
        for file in (REPOSITORY / "langswarm_nb").rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert "langswarm_nb/py.typed" in ours
    assert any(name.endswith(".css") for name in ours)
    assert {name for name in names if not re.match(r"langswarm_nb-[^/]+\.dist-info/", name)} == ours
    assert any(name.endswith("/licenses/LICENSE") for name in names)


def test_the_source_archive_can_be_tested(archives: tuple[Path, Path]) -> None:
    """It has all that git has and `make test` needs."""
    with tarfile.open(archives[1]) as source:
        names = {name.partition("/")[2] for name in source.getnames()}
    listed = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    tracked = set(listed.stdout.splitlines()) - {".gitattributes", ".pre-commit-config.yaml"}
    assert tracked - names == set()


def test_the_description_holds_wherever_it_is_shown(archives: tuple[Path, Path]) -> None:
    """Its links are absolute and lead to files that are here, and the index takes it."""
    with zipfile.ZipFile(archives[0]) as wheel:
        [name] = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
        text = wheel.read(name).decode("utf-8")
    metadata = email.message_from_string(text)
    assert metadata["Description-Content-Type"].startswith("text/markdown")
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert [link for link in links if not link.startswith("https://")] == []
    repository = re.escape(PROJECT["project"]["urls"]["Repository"].removeprefix("https://github.com/"))
    here = rf"https://(?:github\.com/{repository}/blob|raw\.githubusercontent\.com/{repository})/main/([^#]+)"
    files = [match[1] for link in links if (match := re.fullmatch(here, link))]
    assert len(files) > 8
    assert [file for file in files if not (REPOSITORY / file).exists()] == []
    twine = [
        str(environment("package", *TOOLS) / "python"),
        "-m",
        "twine",
        "check",
        "--strict",
        *map(str, archives),
    ]
    done = subprocess.run(twine, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_wheel_alone_runs_the_quickstart(archives: tuple[Path, Path], tmp_path: Path) -> None:
    """In an environment that has nothing but what the wheel asks for."""
    programs = environment("wheel", *PROJECT["project"]["dependencies"])
    python = str(programs / "python")
    install = [python, "-m", "pip", "install", "--quiet", "--force-reinstall", "--no-deps", str(archives[0])]
    subprocess.run(install, check=True)
    version = archives[0].name.split("-")[1]
    command = [python, "-I", str(REPOSITORY / "scripts" / "smoke.py"), "--version", version]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("ok\n")
