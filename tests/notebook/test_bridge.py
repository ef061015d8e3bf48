"""`run_sync` and `submit` outside of a kernel: each promise in a Python process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap

import pytest

from tests.support.waits import PATIENCE_S

SETUP = """
import asyncio, contextvars, os, signal, sys, threading
from langswarm_nb.notebook.bridge import io_loop, run_sync, run_within, submit

async def answer(value):
    await asyncio.sleep(0)
    return value

async def where():
    return threading.current_thread().name

def is_patched():
    return hasattr(asyncio, "_nest_patched")
"""


def run_script(code: str, *, python: tuple[str, ...] = (sys.executable, "-W", "error", "-c")) -> str:
    done = subprocess.run(
        [*python, SETUP + textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def test_a_script_waits_for_the_io_thread():
    """Without a loop the coroutine runs on the I/O thread, and its value comes back."""
    assert (
        run_script("print(run_sync(answer(42)), run_sync(where()), is_patched())")
        == "42 langswarm-io False\n"
    )


def test_a_running_loop_of_a_script_or_server_is_not_patched():
    """Inside asyncio.run() the coroutine runs on the I/O thread: a server keeps its fast asyncio."""
    code = """
    async def main():
        print(run_sync(answer(42)), run_sync(where()), is_patched())
    asyncio.run(main())
    """
    assert run_script(code) == "42 langswarm-io False\n"


def test_it_works_before_within_and_after_a_loop():
    """A loop that the script has closed does not matter."""
    code = """
    async def main():
        return run_sync(answer(2))
    print(run_sync(answer(1)), asyncio.run(main()), run_sync(answer(3)))
    """
    assert run_script(code) == "1 2 3\n"


def test_terminal_ipython_is_served_by_the_io_thread():
    """In IPython without a kernel nothing is patched, in sync and in await cells."""
    code = """
    print(run_sync(answer(42)), run_sync(where()), is_patched())
    print(await answer(run_sync(where())))
    """
    ipython = (sys.executable, "-m", "IPython", "--no-banner", "--no-term-title", "--colors=NoColor", "-c")
    assert run_script(code, python=ipython) == "42 langswarm-io False\nlangswarm-io\n"


def test_waiting_on_the_io_thread_for_itself_is_refused():
    """A hook that runs on the I/O thread is told to use await, and does not hang."""
    code = """
    async def hook():
        return run_sync(answer(42))
    print(submit(hook()).exception())
    """
    assert "Use `await` instead" in run_script(code)


def test_errors_and_foreign_cancellation_go_through():
    """The coroutine's own exception is raised; cancelled by others it is a CancelledError, no interrupt."""
    code = """
    async def fail():
        raise LookupError("no such thing")
    async def cancelled():
        asyncio.current_task().cancel()
        await asyncio.sleep(0)
    for coroutine in (fail(), cancelled()):
        try:
            run_sync(coroutine)
        except (Exception, asyncio.CancelledError) as error:
            print(repr(error))
    """
    assert run_script(code) == "LookupError('no such thing')\nCancelledError()\n"


def test_a_wait_with_a_limit_ends():
    """What takes too long is cancelled and said; an answer, and an error of the coroutine's own, go through."""
    code = """
    async def hang():
        await asyncio.Event().wait()
    async def all_done():
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(others)
        return "all done"
    async def fail():
        raise TimeoutError("its own")
    print(run_within(60, answer(42)))
    for timeout_s, coroutine in ((0.5, hang()), (60, fail())):
        try:
            run_within(timeout_s, coroutine)
        except TimeoutError as error:
            print(error)
    print(run_within(60, all_done()))
    """
    assert run_script(code) == "42\nno answer within 0.5 s\nits own\nall done\n"


def test_leaving_with_system_exit_leaves_the_script():
    """SystemExit in a coroutine ends the script with its code."""
    code = SETUP + "async def leave():\n    raise SystemExit(7)\nrun_sync(leave())"
    assert subprocess.run([sys.executable, "-c", code], timeout=PATIENCE_S, check=False).returncode == 7


def test_context_variables_are_seen_inside():
    """The coroutine sees the caller's context; what it sets stays its own."""
    code = """
    who = contextvars.ContextVar("who")
    async def rename():
        before = who.get()
        who.set("you")
        return before
    who.set("me")
    print(run_sync(rename()), who.get())
    """
    assert run_script(code) == "me me\n"


def test_many_threads_may_wait_at_once():
    """Worker threads share the I/O thread and get their own values."""
    code = """
    from concurrent.futures import ThreadPoolExecutor
    with ThreadPoolExecutor(8) as pool:
        print(sum(pool.map(lambda i: run_sync(answer(i)), range(100))))
    print([thread.name for thread in threading.enumerate()])
    """
    assert run_script(code) == "4950\n['MainThread', 'langswarm-io']\n"


def test_submitted_work_cleans_up_when_the_script_ends():
    """A task that still runs at exit is cancelled and its clean-up is done before the process ends."""
    code = """
    started = threading.Event()
    async def work():
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.05)
            print("saved")
    future = submit(work())
    started.wait()
    """
    assert run_script(code) == "saved\n"


def test_a_cancelled_future_cancels_its_coroutine():
    """`submit(...).cancel()` is how a panel stops a reply."""
    code = """
    started, stopped = threading.Event(), threading.Event()
    async def work():
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()
    future = submit(work())
    started.wait()
    print(future.cancel(), stopped.wait())
    """
    assert run_script(code) == "True True\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork")
def test_a_forked_child_has_an_io_thread_of_its_own():
    """A child of a process that used the bridge does not wait for a thread it does not have."""
    code = """
    print(run_sync(answer(1)), flush=True)
    if child := os.fork():
        os.waitpid(child, 0)
    else:
        print(run_sync(answer(2)), flush=True)
    """
    python = (sys.executable, "-W", "ignore::DeprecationWarning", "-c")  # Python warns of fork beside threads
    assert run_script(code, python=python) == "1\n2\n"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
@pytest.mark.parametrize("in_a_loop", [False, True], ids=["script", "asyncio.run"])
def test_ctrl_c_in_a_script_cancels_and_raises(in_a_loop: bool):
    """The coroutine cleans up first, then KeyboardInterrupt is raised; the handler of before is back."""
    code = SETUP + textwrap.dedent("""
    async def work():
        print("go", flush=True)
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.05)
            print("saved", flush=True)
    def main():
        before = signal.getsignal(signal.SIGINT)
        try:
            run_sync(work())
        except KeyboardInterrupt:
            print("interrupted", signal.getsignal(signal.SIGINT) == before, flush=True)
    async def amain():
        main()
    """)
    code += "asyncio.run(amain())" if in_a_loop else "main()"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "go\n"
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=PATIENCE_S)[0] == "saved\ninterrupted True\n"


def test_an_ignored_sigint_stays_ignored():
    """A job started with nohup or `&` is not made interruptible."""
    code = """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    async def work():
        os.kill(os.getpid(), signal.SIGINT)
        return await answer(42)
    print(run_sync(work()))
    """
    assert run_script(code) == "42\n"


def test_importing_the_bridge_is_cheap():
    """It loads no notebook package, starts no thread and patches nothing."""
    code = """
    heavy = {"IPython", "ipykernel", "ipywidgets", "nest_asyncio", "nest_asyncio2", "pandas", "httpx"}
    print(heavy & set(sys.modules), threading.active_count(), is_patched())
    """
    assert run_script(code) == "set() 1 False\n"
