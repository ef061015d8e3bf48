"""What runs elsewhere, workflows, hooks and templates, can be read there and names what is here."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.util import find_spec

import pytest
import yaml

from scripts import check
from scripts.release import PLACEHOLDER, ReleaseError, check_addresses, notes_for
from tests.support.paths import REPOSITORY

GITHUB = REPOSITORY / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
OTHERS = [*sorted(GITHUB.glob("*.yml")), *sorted((GITHUB / "ISSUE_TEMPLATE").glob("*.yml"))]
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))
INSTALLED_THERE = {"build", "hatchling", "twine"}  # by the group `release`, not by `dev`

each_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)


def steps_of(path):
    jobs = yaml.safe_load(path.read_text("utf-8"))["jobs"]
    return [step for job in jobs.values() for step in job.get("steps", [])]


def commands_of(path):
    return "\n".join(step["run"] for step in steps_of(path) if "run" in step)


def test_workflows_are_found():
    """The files are where the tests below look for them."""
    assert {path.name for path in WORKFLOWS} == {"ci.yml", "release.yml", "site.yml"}
    assert {path.name for path in OTHERS} == {"bug.yml", "dependabot.yml", "idea.yml"}


@each_workflow
def test_a_workflow_holds_together(path):
    """Jobs wait for jobs that are there, have a limit of time, and take artifacts that another one leaves."""
    jobs = yaml.safe_load(path.read_text("utf-8"))["jobs"]
    for name, job in jobs.items():
        needs = job.get("needs", [])
        assert set([needs] if isinstance(needs, str) else needs) <= jobs.keys() - {name}
        assert "timeout-minutes" in job or "uses" in job
    used: dict[str, set[str]] = {"upload": set(), "download": set()}
    for step in steps_of(path):
        found = re.match(r"actions/(upload|download)-artifact@", step.get("uses", ""))
        if found:
            used[found[1]].add(step["with"]["name"])
    assert used["download"] <= used["upload"]


@each_workflow
def test_actions_are_held_to_a_major_version(path):
    """What others wrote changes when we say so; a workflow of ours is a file."""
    uses = [step["uses"] for step in steps_of(path) if "uses" in step]
    assert uses
    assert [use for use in uses if not re.fullmatch(r"[\w-]+/[\w./-]+@(v\d+|release/v\d+)", use)] == []
    jobs = yaml.safe_load(path.read_text("utf-8"))["jobs"].values()
    assert all((REPOSITORY / job["uses"]).is_file() for job in jobs if "uses" in job)


@each_workflow
def test_commands_of_a_workflow_exist(path):
    """Modules, scripts, steps of the check, make targets, extras and groups that a workflow names are there."""
    commands = commands_of(path)
    modules = set(re.findall(r"python -m ([\w.]+)", commands))
    assert {module for module in modules if find_spec(module) is None} <= INSTALLED_THERE
    files = re.findall(r"(?:python|bash) ([\w./]+)", commands)
    assert [file for file in files if not (REPOSITORY / file).is_file()] == []
    steps = re.findall(r"scripts\.check (\w+)", commands)
    assert set(steps) <= check.STEPS.keys() | check.GROUPS.keys()
    assert set(re.findall(r"--group ([\w-]+)", commands)) <= PROJECT["dependency-groups"].keys()
    targets = re.findall(r"^([a-z0-9-]+):", (REPOSITORY / "Makefile").read_text("utf-8"), flags=re.MULTILINE)
    assert set(re.findall(r"^make ([\w-]+)", commands, flags=re.MULTILINE)) <= set(targets)


def test_a_release_installs_what_it_needs():
    """The group `release` holds every tool that only the release workflow calls."""
    group = {re.split(r"[^\w-]", name)[0] for name in PROJECT["dependency-groups"]["release"]}
    assert group == INSTALLED_THERE


@pytest.mark.parametrize("path", OTHERS, ids=lambda path: path.name)
def test_forms_and_settings_can_be_read(path):
    """A form has fields with names of their own; an updater looks into folders that are there."""
    content = yaml.safe_load(path.read_text("utf-8"))
    if "updates" in content:
        folders = [REPOSITORY / update["directory"].lstrip("/") for update in content["updates"]]
        assert folders
        assert all(folder.is_dir() for folder in folders)
    else:
        names = [field["id"] for field in content["body"] if field["type"] != "markdown"]
        assert names
        assert len(names) == len(set(names))
        assert all(field["attributes"].get("label") for field in content["body"] if "id" in field)


def test_hooks_call_tools_that_are_installed():
    """A hook runs a module of the environment that `make` makes."""
    [repo] = yaml.safe_load((REPOSITORY / ".pre-commit-config.yaml").read_text("utf-8"))["repos"]
    entries = [hook["entry"] for hook in repo["hooks"]]
    assert entries
    for entry in entries:
        found = re.match(r"\.venv/bin/python -m (\w+)\b", entry)
        assert found is not None
        assert find_spec(found[1]) is not None


CHANGELOG = """# Changelog

## [Unreleased]

## [0.2.0] - 2026-01-31

### Added

- A thing.

## [0.1.0] - soon
"""


def test_the_notes_of_a_release_are_its_section():
    """All between its heading and the next one."""
    assert notes_for("v0.2.0", "0.2.0", CHANGELOG) == "### Added\n\n- A thing.\n"


@pytest.mark.parametrize(
    "tag, version, changelog, reason",
    [
        ("v0.2.1", "0.2.0", CHANGELOG, "is not 'v' and the version"),
        ("0.2.0", "0.2.0", CHANGELOG, "is not 'v' and the version"),
        ("v0.3.0", "0.3.0", CHANGELOG, "has no section"),
        ("v0.1.0", "0.1.0", CHANGELOG, "has no date"),
        ("v0.2.0", "0.2.0", CHANGELOG.replace("### Added\n\n- A thing.\n\n", ""), "is empty"),
    ],
)
def test_what_was_not_meant_to_be_released_is_not(tag, version, changelog, reason):
    """A tag beside the version, and a section that is missing, not dated or empty, end the release."""
    with pytest.raises(ReleaseError, match=reason):
        notes_for(tag, version, changelog)


def test_nothing_is_released_from_nobody():
    """As long as the account is a placeholder, the release says where to put it."""
    with pytest.raises(ReleaseError, match=PLACEHOLDER):
        check_addresses(f'Repository = "https://code.example/{PLACEHOLDER}/langswarm-nb"')
    check_addresses('Repository = "https://code.example/ada/langswarm-nb"')


def run_smoke(*options):
    command = [sys.executable, str(REPOSITORY / "scripts" / "smoke.py"), *options]
    return subprocess.run(command, capture_output=True, encoding="utf-8", timeout=100, check=False)


def test_what_is_tried_of_a_wheel_works():
    """The script that tries a built package passes on this one."""
    done = run_smoke()
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("ok\n")


def test_a_checkout_is_not_taken_for_a_wheel():
    """A release is not let through because the checkout works."""
    done = run_smoke("--version", "0.0.0")
    assert done.returncode == 1
    assert "checkout" in done.stderr
