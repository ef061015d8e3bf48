"""Terminals of other code pages, and files that begin with the mark of UTF-8."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from langswarm_nb.notebook.bridge import run_sync
from tests.support.notebooks import opened, save
from tests.support.waits import PATIENCE_S

PROGRAM = """
import sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_line_magic("load_ext", "langswarm_nb")
assert not shell.run_cell("%langswarm help").error_in_exec
assert not shell.run_cell("%langswarm help export").error_in_exec
assert not shell.run_cell("%langswarm status").error_in_exec
result = shell.run_cell_magic("langswarm", "", "caf\u00e9 \u65e5 \u00b7")
print(result)
print(sys.stdout.errors)
shell.run_line_magic("unload_ext", "langswarm_nb")
print(sys.stdout.errors)
"""


@pytest.mark.parametrize("encoding", ["cp437", "cp932", "ascii", "latin-1", "utf-8"])
def test_all_is_shown_in_any_code_page(tmp_path, encoding):
    """Help, greeting, status and replies come out whole, with codes for what the terminal lacks."""
    environment = {
        **os.environ,
        "PYTHONIOENCODING": encoding,
        "LANGSWARM_DB_PATH": str(tmp_path / "s.db"),
        "LANGSWARM_MODEL": "mock:echo",
        "IPYTHONDIR": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "-X", "utf8=0", "-c", PROGRAM],
        env=environment, capture_output=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
    out = done.stdout.decode(encoding)
    assert "UnicodeEncodeError" not in out
    assert "%langswarm" in out
    assert ("\\u65e5" in out) == (encoding not in ("utf-8", "cp932"))
    ending = out.split()[-2:]
    assert ending == (["strict", "strict"] if encoding == "utf-8" else ["backslashreplace", "strict"])


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_system_file_may_begin_with_the_mark_of_utf8(tmp_path, mark):
    """The mark is not part of the text that is sent; nor of a file of chats."""
    (tmp_path / "system.txt").write_text(f"{mark}You are brief.", "utf-8")
    (tmp_path / "chats.jsonl").write_text(
        f'{mark}{{"messages": [{{"role": "user", "content": "Hi"}}]}}', "utf-8"
    )
    with opened(save(tmp_path / "notes.ipynb", "1")) as notebook:
        reply = notebook.ask("1", "Hello", f"--system-file {tmp_path / 'system.txt'}")
        [system] = [m for m in run_sync(reply.session.get_messages()) if m.role == "system"]
        assert system.content == "You are brief."
        assert notebook.do(f"import {tmp_path / 'chats.jsonl'}")
