"""What the guide tells a server to install is enough, with nothing else there."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement

from tests.support.paths import REPOSITORY
from tests.support.service import for_servers
from tests.support.stream_server import streaming

PROGRAM = """
import asyncio, sys
from langswarm_nb.core.session import create_session_manager

async def main(path, base_url):
    service = {"api_key": None, "base_url": base_url}
    async with create_session_manager("sqlite", {"db_path": path}, {"openai-compatible": service}) as manager:
        session = await manager.create_session("ada", "openai-compatible", "deltas=3")
        reply = await session.send_message("Hello!")
        restored = await manager.import_session("bob", text=await session.export())
        print(reply.content, len(await restored.get_messages()), sep="|")

asyncio.run(main(*sys.argv[1:]))
"""


def test_a_server_needs_no_more_than_it_is_told_to_install(tmp_path: Path) -> None:
    """With those packages, and what they need, a session is stored, asked over HTTP, exported and brought in."""
    site = tmp_path / "site"
    site.mkdir()
    for name in _with_what_they_need(for_servers()):
        _link(name, site)
    (site / "langswarm_nb").symlink_to(REPOSITORY / "langswarm_nb", target_is_directory=True)
    with streaming() as base_url:
        done = subprocess.run(
            [sys.executable, "-S", "-W", "error", "-c", PROGRAM, str(tmp_path / "s.db"), base_url],
            capture_output=True,
            text=True,
            check=False,
            env={"PYTHONPATH": str(site), "HOME": str(tmp_path)},
        )
    assert (done.stderr, done.stdout.strip()) == ("", "word0 word1 word2|2")


def _with_what_they_need(names: list[str]) -> set[str]:
    """Return the packages that pip would install for some."""
    found: set[str] = set()
    while names:
        name = names.pop()
        if name not in found:
            found.add(name)
            needed = map(Requirement, distribution(name).requires or ())
            names += [one.name for one in needed if one.marker is None or one.marker.evaluate({"extra": ""})]
    return found


def _link(name: str, site: Path) -> None:
    """Make a package importable from a folder."""
    package = distribution(name)
    tops = {file.parts[0] for file in package.files or () if file.parts[0] not in {"..", "__pycache__"}}
    for top in tops:
        (site / top).symlink_to(Path(str(package.locate_file(top))))
