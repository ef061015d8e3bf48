"""`run_sync` and `submit` in the cells of a real kernel."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable

import pytest
from ipykernel._version import version_info as ipykernel_version

from tests.support.kernels import Kernel, running_kernel

pytestmark = pytest.mark.kernel

SETUP = """
import asyncio, contextvars, signal, threading, time
from IPython.display import display
from langswarm_nb.notebook.bridge import run_sync, submit

async def answer(value, seconds=0):
    await asyncio.sleep(seconds)
    return value

async def wait_until_cancelled():
    print("go", flush=True)
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        print("cancelled", flush=True)
        raise

async def refuse_to_be_cancelled():
    print("go", flush=True)
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            print("cancelled", flush=True)

let_go = threading.Event()

async def hold_the_loop():
    print("go", flush=True)
    interrupts = signal.getsignal(signal.SIGINT).__self__
    while not interrupts.count:
        time.sleep(0.01)
    print("once", flush=True)
    let_go.wait()

def patches():
    return [name for name in ("_nest_patched", "_nest_asyncio2") if hasattr(asyncio, name)]
"""
OLD_NESTING = "import nest_asyncio; nest_asyncio.apply()"
NEEDS_IPYKERNEL_7 = pytest.mark.skipif(
    ipykernel_version < (7,), reason="older kernels have no subshells and no context per cell"
)
UVLOOP = "import asyncio, uvloop; asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())"


@pytest.fixture(scope="module")
def start_kernel():
    """Return what starts a kernel of a kind, once."""
    with contextlib.ExitStack() as stack:

        @functools.cache
        def start(kind: str) -> Kernel:
            kernel = stack.enter_context(running_kernel(before_start=UVLOOP if kind == "uvloop" else ""))
            if kind == "old nesting applied":
                kernel.run(OLD_NESTING)
            kernel.run(SETUP)
            return kernel

        yield start


@pytest.fixture(params=["default", "old nesting applied", "uvloop"])
def any_kernel(request, start_kernel: Callable[[str], Kernel]) -> Kernel:
    """Return a kernel as users have it; with the old nesting or uvloop the bridge takes its thread."""
    if request.param == "uvloop":
        pytest.importorskip("uvloop", reason="uvloop is not made for this platform")
    return start_kernel(request.param)


@pytest.fixture
def ready_kernel(start_kernel: Callable[[str], Kernel]) -> Kernel:
    """Return a kernel whose cells may call what `SETUP` defines."""
    return start_kernel("default")


def interrupt_when_started(kernel: Kernel, code: str):
    cell = kernel.send(code)
    kernel.wait_for(cell, lambda: "go" in cell.stdout)
    kernel.interrupt()
    return kernel.wait(cell)


def test_cells_queued_behind_a_running_one_all_answer(any_kernel: Kernel):
    """Run All: each queued cell runs after the one before, none is lost."""
    codes = ("run_sync(answer(1, 0.5))", "run_sync(answer(2))", "3")
    cells = [any_kernel.send(code, stop_on_error=True) for code in codes]
    any_kernel.wait(*cells)
    assert [cell.result for cell in cells] == ["1", "2", "3"]


@pytest.mark.parametrize(
    "code",
    [
        "run_sync(wait_until_cancelled())",
        "await asyncio.sleep(0); run_sync(wait_until_cancelled())",
        "%%time\nrun_sync(wait_until_cancelled())",
        "for _ in range(3):\n    (lambda: run_sync(wait_until_cancelled()))()",
    ],
    ids=["sync cell", "await cell", "%%time", "loop and function"],
)
def test_an_interrupt_cancels_the_coroutine_and_ends_the_cell(any_kernel: Kernel, code: str):
    """The coroutine sees its cancellation, the cell fails with KeyboardInterrupt, the next cell works."""
    cell = interrupt_when_started(any_kernel, code)
    assert (cell.stdout.count("go"), cell.stdout.count("cancelled")) == (1, 1)
    assert any_kernel.run("run_sync(answer('fine'))").result == "'fine'"
    if "%%time" not in code:  # which prints the error itself
        assert cell.ename == "KeyboardInterrupt"


def test_a_coroutine_that_refuses_to_end_does_not_hold_the_cell(any_kernel: Kernel):
    """One interrupt is enough: after a grace the cell ends without the coroutine."""
    cell = interrupt_when_started(any_kernel, "run_sync(refuse_to_be_cancelled())")
    assert cell.ename == "KeyboardInterrupt"
    assert "cancelled" in cell.stdout
    assert any_kernel.run("run_sync(answer('fine'))").result == "'fine'"


def test_pressing_stop_again_ends_sync_code_that_holds_the_loop(any_kernel: Kernel):
    """A hook that sleeps or loops cannot be cancelled; the second interrupt leaves it."""
    cell = any_kernel.send("run_sync(hold_the_loop())")
    any_kernel.wait_for(cell, lambda: "go" in cell.stdout)
    any_kernel.interrupt()
    any_kernel.wait_for(cell, lambda: "once" in cell.stdout)
    any_kernel.interrupt()
    any_kernel.wait(cell)
    assert cell.ename == "KeyboardInterrupt"
    assert any_kernel.run("let_go.set(); run_sync(answer('fine'))").result == "'fine'"


def test_an_interrupt_between_short_runs_is_not_lost(any_kernel: Kernel):
    """A loop over quick calls stops at the first interrupt."""
    cell = interrupt_when_started(any_kernel, "print('go')\nwhile True:\n    run_sync(answer(1))")
    assert cell.ename == "KeyboardInterrupt"


def test_an_interrupt_during_clean_up_keeps_the_error_of_the_clean_up(any_kernel: Kernel):
    """What went wrong while stopping is shown as the cause."""
    any_kernel.run(
        "async def fail_to_stop():\n"
        "    try:\n"
        "        await wait_until_cancelled()\n"
        "    finally:\n"
        "        raise OSError('disk full')"
    )
    cell = interrupt_when_started(any_kernel, "run_sync(fail_to_stop())")
    assert cell.ename == "KeyboardInterrupt"
    assert "disk full" in "".join(cell.reply["traceback"])


@pytest.mark.parametrize(
    "code, expected",
    [
        ("run_sync(answer(42))", "42"),
        ("await answer(run_sync(answer(42)))", "42"),
        ("def f(): return run_sync(answer(42))\nf()", "42"),
        ("[run_sync(answer(i)) for i in range(3)]", "[0, 1, 2]"),
        ("run_sync(asyncio.gather(answer(1), answer(2)))", "[1, 2]"),
        ("async def outer(): return run_sync(answer(42))\nrun_sync(outer())", "42"),
        ("async def f():\n  async with asyncio.timeout(99): return await answer(42)\nrun_sync(f())", "42"),
        ("class Later:\n  def __await__(self): return answer(42).__await__()\nrun_sync(Later())", "42"),
    ],
)
def test_the_value_comes_back_from_any_kind_of_cell(ready_kernel: Kernel, code: str, expected: str):
    """Sync cells, await cells, functions, loops and runs within runs return what the coroutine returns."""
    assert ready_kernel.run(code).result == expected


@pytest.mark.parametrize(
    "code, printed",
    [
        ("%%time\nprint(run_sync(answer(42)))", "42"),
        ("%%capture seen\nprint(run_sync(answer(42)))", ""),
        ("%%timeit -n 2 -r 2\nrun_sync(answer(42))", "loop"),
    ],
)
def test_cell_magics_may_stand_around_it(ready_kernel: Kernel, code: str, printed: str):
    """%%time, %%capture and %%timeit treat it as plain sync code."""
    assert printed in ready_kernel.run(code).stdout
    if "capture" in code:
        assert ready_kernel.run("seen.stdout").result == "'42\\n'"


@pytest.mark.parametrize("where", ["the cell's thread", "a worker thread"])
def test_output_from_inside_reaches_the_cell_that_called(ready_kernel: Kernel, where: str):
    """What is printed or displayed in the coroutine is output of the calling cell, in order."""
    ready_kernel.run(
        "async def speak():\n"
        "    print('one', flush=True)\n"
        "    await asyncio.sleep(0)\n"
        "    display('two')\n"
        "def in_thread(f):\n"
        "    context = contextvars.copy_context()\n"
        "    thread = threading.Thread(target=context.run, args=(f,)); thread.start(); thread.join()"
    )
    code = "run_sync(speak())" if where == "the cell's thread" else "in_thread(lambda: run_sync(speak()))"
    cell = ready_kernel.run(code)
    assert [output["output_type"] for output in cell.outputs] == ["stream", "display_data"]


@NEEDS_IPYKERNEL_7
def test_output_of_submitted_work_stays_with_its_cell(ready_kernel: Kernel):
    """What a submitted coroutine prints after its cell ended does not appear in the cell that runs then."""
    ready_kernel.run("gate = asyncio.Event()")
    started = ready_kernel.run(
        "async def later():\n    await gate.wait()\n    print('late', flush=True)\n    return 42\n"
        "future = submit(later())"
    )
    running = ready_kernel.run(
        "from langswarm_nb.notebook.bridge import io_loop\n"
        "io_loop().call_soon_threadsafe(gate.set)\nprint(future.result())"
    )
    ready_kernel.wait_for(started, lambda: "late" in started.stdout)
    assert running.stdout == "42\n"


def test_an_error_of_the_coroutine_goes_through(ready_kernel: Kernel):
    """The cell fails with the coroutine's own error; nothing is left over for the next cell."""
    ready_kernel.run("async def fail():\n    raise LookupError('no such thing')")
    cell = ready_kernel.execute("run_sync(fail())")
    assert (cell.ename, cell.evalue, cell.stderr) == ("LookupError", "no such thing", "")
    assert ready_kernel.run("run_sync(answer('fine'))").result == "'fine'"


def test_context_variables_are_seen_inside(ready_kernel: Kernel):
    """A value set in the cell is there in the coroutine, on either way to run it."""
    ready_kernel.run("who = contextvars.ContextVar('who')\nasync def ask():\n    return who.get()")
    assert (
        ready_kernel.run("who.set('me'); (run_sync(ask()), submit(ask()).result())").result == "('me', 'me')"
    )


def test_tasks_of_the_kernel_go_on_while_a_cell_waits(ready_kernel: Kernel):
    """A background task can finish what the cell waits for."""
    ready_kernel.run("done = asyncio.Event()\ntask = asyncio.get_running_loop().call_later(0.2, done.set)")
    assert ready_kernel.run("run_sync(done.wait())").result == "True"


@NEEDS_IPYKERNEL_7
def test_threads_and_subshells_use_the_io_thread(ready_kernel: Kernel):
    """Only the main thread nests: elsewhere the coroutine runs on the one I/O thread."""
    ready_kernel.run("async def where():\n    return threading.current_thread().name")
    worker = ready_kernel.run(
        "names = []; thread = threading.Thread(target=lambda: names.append(run_sync(where())))\n"
        "thread.start(); thread.join(); names"
    )
    assert worker.result == "['langswarm-io']"
    assert ready_kernel.run("run_sync(where())").result == "'MainThread'"
    subshell_id = ready_kernel.create_subshell()
    subshell = ready_kernel.wait(ready_kernel.send("run_sync(where())", subshell_id=subshell_id))
    assert subshell.result == "'langswarm-io'"


def test_nothing_is_patched_before_it_is_needed(new_kernel: Kernel):
    """Importing the bridge, and work on the I/O thread, leave asyncio alone; the first run_sync does not."""
    new_kernel.run(SETUP)
    assert new_kernel.run("submit(answer(1)).result(), patches()").result == "(1, [])"
    assert new_kernel.run("run_sync(answer(1)), '_nest_patched' in patches()").result == "(1, True)"


def test_a_failing_coroutine_leaves_the_io_thread_working(ready_kernel: Kernel):
    """Even SystemExit in a coroutine reaches its waiter alone."""
    ready_kernel.run("async def leave():\n    raise SystemExit(3)\nfuture = submit(leave())")
    assert ready_kernel.run("type(future.exception()).__name__").result == "'SystemExit'"
    assert ready_kernel.run("submit(answer('fine')).result()").result == "'fine'"
