"""Which process is writing a reply, and whether it still lives."""

from __future__ import annotations

import os
import socket
import sys
import time
from functools import cache
from pathlib import Path

STALE_S = 60.0
"""A reply that a process on another machine writes is taken for abandoned after this silence."""


def this_process() -> str:
    """Return the name of this process, ``pid:start:host``; unlike a bare pid it is not used again."""
    return _named(os.getpid())


def in_words(owner: str) -> str:
    """Return what a process is called in an error."""
    pid, _, host = owner.split(":", 2)
    return "this process" if owner == this_process() else f"process {pid} on {host}"


def is_gone(owner: str, saved_us: int) -> bool:
    """Return whether the process called ``owner`` has ended."""
    try:
        pid, start, host = owner.split(":", 2)
        number = int(pid)
    except ValueError:
        return True
    if host != socket.gethostname():
        return time.time() - saved_us / 1e6 > STALE_S
    now = _start_of(number)
    return now is None or now != start


@cache
def _named(pid: int) -> str:
    return f"{pid}:{_start_of(pid)}:{socket.gethostname()}"


def _start_of(pid: int) -> str | None:
    """Return when a process of this machine started, as far as the platform says; None when it does not run."""
    if sys.platform == "win32":
        return _start_on_windows(pid)
    return _start_on_linux(pid) if Path("/proc/self/stat").exists() else _start_elsewhere(pid)


def _start_elsewhere(pid: int) -> str | None:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except OSError:
        pass  # it runs, as another user
    return ""


def _start_on_linux(pid: int) -> str | None:
    try:
        with Path(f"/proc/{pid}/stat").open("rb") as stat:
            fields = stat.read().rpartition(b")")[2].split()
    except OSError:
        return None
    state, started = fields[0], fields[19]
    return None if state in b"ZX" else started.decode()  # a zombie no longer writes


def _start_on_windows(pid: int) -> str | None:
    import ctypes
    from ctypes import wintypes

    kernel = ctypes.WinDLL("kernel32", use_last_error=True)  # type: ignore[attr-defined,unused-ignore]  # Windows
    kernel.OpenProcess.restype = wintypes.HANDLE
    query_limited_information = 0x1000
    still_active = 259
    opened = kernel.OpenProcess(query_limited_information, False, pid)
    if opened is None:
        access_denied = 5
        return "" if ctypes.get_last_error() == access_denied else None  # type: ignore[attr-defined,unused-ignore]  # Windows
    process = wintypes.HANDLE(opened)
    try:
        code = wintypes.DWORD()
        kernel.GetExitCodeProcess(process, ctypes.byref(code))
        times = [wintypes.FILETIME() for _ in range(4)]
        kernel.GetProcessTimes(process, *map(ctypes.byref, times))
        started = times[0].dwHighDateTime << 32 | times[0].dwLowDateTime
        return str(started) if code.value == still_active else None
    finally:
        kernel.CloseHandle(process)
