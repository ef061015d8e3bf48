"""The recipe for conda-forge asks for what `pyproject.toml` asks for, and tests with files that are there."""

from __future__ import annotations

import re
import tomllib

import yaml

from langswarm_nb import __version__
from tests.support.paths import REPOSITORY

RECIPE = yaml.safe_load((REPOSITORY / "recipe" / "recipe.yaml").read_text("utf-8"))
PYPROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))
PROJECT = PYPROJECT["project"]


def spelt(requirements):
    """Return requirements as conda writes them, without what is Python's own."""
    return {
        re.sub(r"\s*([<>=]+)", r" \1", text)
        for text in requirements
        if not text.startswith(("python ", "pip"))
    }


def test_the_recipe_is_of_this_version():
    """It is raised with the version of the package, and has the same oldest Python."""
    assert RECIPE["schema_version"] == 1
    assert RECIPE["context"]["version"] == __version__
    assert PROJECT["requires-python"] == f">={RECIPE['context']['python_min']}"
    assert RECIPE["package"]["name"] == PROJECT["name"]


def test_the_recipe_asks_for_what_the_package_asks_for():
    """No more, no less, with the same bounds."""
    assert spelt(RECIPE["requirements"]["run"]) == spelt(PROJECT["dependencies"])
    assert spelt(RECIPE["requirements"]["host"]) == spelt(PYPROJECT["build-system"]["requires"])


def test_the_recipe_says_what_the_package_says():
    """Summary, licence and addresses are the same."""
    about, urls = RECIPE["about"], PROJECT["urls"]
    assert about["summary"].rstrip(".") == PROJECT["description"].rstrip(".")
    assert about["license"] == PROJECT["license"]
    assert (about["repository"], about["documentation"]) == (urls["Repository"], urls["Documentation"])


def test_the_recipe_tests_with_files_that_are_there():
    """What it copies into its test is in the repository."""
    files = [file for test in RECIPE["tests"] for file in test.get("files", {}).get("source", [])]
    assert files
    assert [file for file in files if not (REPOSITORY / file).is_file()] == []
