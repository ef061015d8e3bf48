"""What goes with a prompt in a cell: words of its first line, what the cell before put out, and what is told of it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from langswarm_nb.core.session import Intake
from langswarm_nb.core.session.parts.blobs import bytes_of
from langswarm_nb.core.session.parts.vocabulary import Part
from langswarm_nb.core.session.providers.mock import MockProviderSession
from langswarm_nb.notebook.asking.options import parse_cell_line
from langswarm_nb.notebook.bridge import run_sync
from tests.support.kernels import Kernel
from tests.support.pictures import exif, jpeg, pdf, png
from tests.support.sent import Notebook


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Be in a folder with a picture, and a text whose name has a space."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plot.png").write_bytes(png())
    (tmp_path / "my notes.md").write_text("# Notes")
    (tmp_path / "photo.jpg").write_bytes(jpeg(4, 3, exif("<", has_place=True)))
    return tmp_path


def carried(notebook: Notebook) -> list[Part]:
    """Return what the last question carries, as it is stored."""
    session = run_sync(notebook.shell.workspace.current())
    return list(run_sync(session.get_messages(role="user"))[-1].parts)


def names(notebook: Notebook) -> list[str]:
    return [part["name"] for part in carried(notebook)]


class Figure:
    """Shows itself as a picture."""

    def _repr_png_(self) -> bytes:
        return png(8, 6)


def test_words_name_what_goes_with_a_prompt(notebook, folder):
    """Paths, variables and outputs, in the order of the line; variables lend their names."""
    notebook.shell["box"] = {"a": [Figure()], "path": "plot.png"}
    notebook.run("[1].clear() or b'text'", "made")
    number = notebook.shell.ipython.execution_count - 1
    came = notebook.cell(
        f"%%langswarm groq:house -q -a plot.png -a 'my notes.md' -a {{{{ box[\"a\"][0] }}}} -a Out[{number}] "
        "-a {{box['path']}} --attachment https://example.com/a%20b.png --detail high\nHi"
    )
    assert came.error == ""
    assert names(notebook) == [
        "plot.png",
        "my notes.md",
        "box-a-0.png",
        f"Out-{number}.plain",
        "plot.png",
        "a b.png",
    ]
    assert [part.get("detail") for part in carried(notebook)] == ["high", None, "high", None, "high", "high"]
    assert "plot.png and 5 more attached" in came.told


def test_what_was_done_to_an_attachment_is_told(notebook, folder):
    """The footer says that the place of a photograph was removed."""
    came = notebook.cell("%%langswarm groq:house -a photo.jpg\nHi")
    assert "photo.jpg attached (location removed)" in came.told


@pytest.mark.parametrize(
    "word, words",
    [
        ("{{nope}}", "'nope' is not defined"),
        ("{{figure.close()}}", "is a call"),
        ("{{figure:x}}", "names nothing"),
        ("{{1 + 1}}", "is an expression"),
        ("Out[99]", "that cell returned nothing"),
        ("plot.pn", "did you mean plot.png?"),
        (".", "is a folder"),
        ("number", "To attach the variable, write -a {{number}}."),
        ("{number}", "To attach the variable, write -a {{number}}."),
        ("$number", "To attach the variable, write -a {{number}}."),
        ("{{number}}", "type int cannot be attached"),
        ("http://example.com/a.png", "must begin with https://"),
        ("https://u:s3cret@example.com/", "a user name or a password"),
    ],
)
def test_a_word_that_names_nothing_is_an_error_of_one_line(notebook, folder, word, words):
    """Nothing is stored or sent."""
    notebook.shell["figure"], notebook.shell["number"] = Figure(), 5
    before = notebook.trace()
    ran = notebook.run(f"%%langswarm groq:house -a {word}\nHi", "z")
    assert words in ran.complaint
    assert "s3cret" not in ran.complaint
    assert len(getattr(ran.error, "_render_traceback_", lambda: [""])()) == 1
    assert notebook.trace() == before


def test_a_file_goes_before_a_variable_of_its_name(notebook, folder):
    """A word without braces is a path, whatever the variables are called."""
    (folder / "notes").write_text("the file")
    notebook.shell["notes"] = "the variable"
    assert notebook.cell("%%langswarm groq:house -q -a notes\nHi").error == ""
    assert (carried(notebook)[0]["name"], carried(notebook)[0]["size"]) == ("notes", len("the file"))


def test_a_picture_in_a_prompt_says_how_to_attach_it(notebook):
    """Its text says nothing of what is on it; what was asked for with a conversion is given."""
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    notebook.run("from matplotlib.figure import Figure\nfig = Figure()\nax = fig.subplots()", "made")
    for name in ("fig", "ax"):
        came = notebook.cell(f"%%langswarm groq:house\nSee {{{{{name}}}}}")
        assert f"attach it with `-a {{{{{name}}}}}`" in came.error
    assert "Figure(640x480)" in notebook.cell("%%langswarm mock:echo -q\nSee {{fig!s}}").replies[0].content


OUTPUTS: dict[str, tuple[str, list[str], str]] = {
    "prints": ("print('a'); print('b')", ["output of In [N]"], "a\nb"),
    "shows": ("display(fig)", ["cell-N.png"], ""),
    "shows twice": (
        "display(fig); print('and'); display(fig)",
        ["output of In [N]", "cell-N-1.png", "cell-N-2.png"],
        "and",
    ),
    "returns": ("5", ["output of In [N]"], "5"),
    "returns a picture": ("fig", ["cell-N.png"], ""),
    "shows text": (
        "from IPython.display import Markdown\ndisplay(Markdown('# Hi'))",
        ["output of In [N]"],
        "# Hi",
    ),
    "updates": ("h = display('one', display_id=True)\nh.update('two')", ["output of In [N]"], "'two'"),
    "clears": (
        "print('gone')\nfrom IPython.display import clear_output\nclear_output()\nprint('left')",
        ["output of In [N]"],
        "left",
    ),
    "is long": ("print('x' * 30_000)", ["output of In [N]"], "… (more was left out)"),
}


_LOOK = """
import json
import langswarm_nb as ls
from langswarm_nb.notebook.bridge import run_sync

for name in NAMES:
    asked = run_sync(ls.session(name).get_messages(role="user", branch="all"))
    assert len(asked) == 2 and asked[0].parts == asked[1].parts
    print(json.dumps([[part["name"], part.get("text", "")] for part in asked[0].parts]))
"""


def test_what_the_cell_before_put_out_goes_with_a_prompt(kernel: Kernel):
    """Its pictures as images and its text as context, named after the cell; also when the asking cell runs again."""
    kernel.run("%load_ext langswarm_nb\n%config LangSwarmMagics.store = 'memory'")
    kernel.run(f"class Fig:\n    def _repr_png_(self): return {png()!r}\nfig = Fig()")
    for number, (code, _, _) in enumerate(OUTPUTS.values()):
        kernel.run(code)
        for _ in range(2):
            kernel.run(f"%%langswarm mock:echo -q -S s{number} -a cell\nHi", cell_id=f"asks-{number}")
    kernel.run(f"NAMES = {[f's{number}' for number in range(len(OUTPUTS))]}")
    lines = kernel.run(_LOOK).stdout.splitlines()
    for line, (case, (_, wanted, text)) in zip(lines, OUTPUTS.items(), strict=True):
        found = json.loads(line)
        assert [re.sub(r"(?<=\[|-)\d+", "N", name, count=1) for name, _ in found] == wanted, case
        assert text in "".join(text for _, text in found), case


def test_there_has_to_be_a_cell_before(notebook):
    """And it has to have put out something."""
    assert "no cell was run before this one" in notebook.run("%%langswarm -a cell\nHi", "z").complaint
    notebook.run("x = 1", "nothing")
    assert "had neither text nor images as output" in notebook.run("%%langswarm -a cell\nHi", "z").complaint


def test_a_cell_that_asks_in_python_means_the_cell_before_it(notebook):
    """Also when it is run once more, and with what it printed itself."""
    notebook.run("print('before')", "a")
    for _ in range(2):
        notebook.run(
            "import langswarm_nb as ls\nprint('mine')\nls.ask('Hi', 'groq:house', attachment='cell', show=False)",
            "b",
        )
        assert [part["text"] for part in carried(notebook)] == ["before"]


def test_what_a_front_end_runs_for_itself_is_not_the_cell_before(notebook):
    """It leaves no history; where a whole notebook is run so, the cell before is meant all the same."""
    run = notebook.shell.ipython.run_cell
    notebook.run("print('seen')", "a")
    run("print('for itself')", store_history=False)
    notebook.run("%%langswarm groq:house -a cell\nHi", "b")
    assert [part["text"] for part in carried(notebook)] == ["seen"]
    run("print('also')", store_history=False)
    run("%%langswarm groq:house -a cell\nHi", store_history=False)
    assert [(part["text"], part["name"]) for part in carried(notebook)] == [
        ("also", "output of the cell before")
    ]


def test_things_go_with_a_question_in_python(notebook):
    """Frames and arrays too, whose comparison with a word is no answer."""
    notebook.run(
        "import langswarm_nb as ls, numpy as np, pandas as pd\n"
        "things = [pd.DataFrame({'a': [1]}), pd.Series([1, 2]), np.zeros((4, 3), 'uint8'), b'text']\n"
        "ls.ask('Hi', 'groq:house', attachments=things, show=False)",
        "a",
    )
    types = ["text/csv", "text/csv", "image/png", "text/plain"]
    assert [part["media_type"] for part in carried(notebook)] == types


def test_watching_a_cell_leaves_nothing_behind(notebook):
    """Streams and displays are as they were once a cell has ended."""
    shell = notebook.shell.ipython
    before = set(vars(shell.display_pub))
    notebook.run("1 / 0", "fails")
    notebook.run("print(1)", "works")
    assert set(vars(shell.display_pub)) == before


def test_a_dry_run_lists_what_goes_with_a_prompt(notebook, folder):
    """With type, size and what it may cost in tokens; nothing is sent."""
    (folder / "report.pdf").write_bytes(pdf(3))
    notebook.run("print('hello')", "before")
    words = "-a plot.png -a report.pdf -a 'my notes.md' -a cell -T web_search"
    shown = str(notebook.run(f"%%langswarm groq:house --dry-run {words}\nHi", "z").result)
    assert "with it: plot.png, image/png · 4\u00d73 · 71 B, ~1000 tok" in shown
    assert "with it: report.pdf, application/pdf · 3 pages · " in shown
    assert ", ~6000 tok" in shown
    assert "with it: my notes.md, text/markdown · 7 B, ~2 tok" in shown
    assert "hello" in shown
    assert "tools: web_search" in shown
    low = str(notebook.run("%%langswarm groq:house --dry-run -a plot.png --detail low\nHi", "z").result)
    assert ", ~100 tok" in low
    assert not notebook.service.requests


def test_an_answer_again_fetches_what_its_model_does_not_take_as_an_address(notebook, monkeypatch):
    """The question stays as it is stored; what is fetched goes with this request alone."""
    from langswarm_nb.core.session.attachments import fetching

    class NoAddresses(MockProviderSession):
        name = "ollama"

        async def intake(self, model: str, *, native: bool = False) -> Intake:
            return Intake(addresses=())

    async def found(part: Part, way: object = None) -> Part:
        return {"type": "image", "media_type": "image/png", "data": png(), "name": part["name"]}

    monkeypatch.setattr(fetching, "fetched", found)
    service = NoAddresses(replies=["Seen."])
    notebook.shell.workspace.manager.add_provider_session("ollama", service)
    url = "https://example.com/a.png"
    assert not notebook.cell(f"%%langswarm groq:house -q -a {url}\nHi").error
    assert notebook.service.requests[-1].messages[-1].attachments[0]["url"] == url
    assert notebook.cell("%langswarm retry -m ollama:x").error == ""
    [sent] = service.requests[-1].messages[-1].attachments
    assert (bytes_of(sent["data"]), "url" in sent) == (png(), False)
    assert carried(notebook)[0]["url"] == url


def test_a_tool_that_no_service_here_has_is_an_error(notebook):
    """It names those there are; nothing is stored or sent."""
    before = notebook.trace()
    for word in ("web_serch", "nothing"):
        error = notebook.cell(f"%%langswarm groq:house -T {word}\nHi").error
        assert error.startswith("SessionValueError")
        assert "web_search" in error
    assert notebook.trace() == before


def test_a_stored_attachment_can_be_looked_at_and_saved(notebook, folder):
    """By its hash or the beginning of it, whatever session carries it."""
    (folder / "drawing.svg").write_text("<svg/>")
    notebook.cell("%%langswarm groq:house -q -S other -a plot.png -a drawing.svg\nHi")
    image, drawing = (part["blob"] for part in run_sync(_messages(notebook))[0].parts)
    notebook.run("import langswarm_nb as ls", "import")
    found: Any = notebook.run(f"ls.attachment({image!r})", "a").result
    assert (found.data, found.name, found.media_type) == (png(), "plot.png", "image/png")
    assert repr(found) == "<image plot.png, image/png, 4\u00d73, 71 B>"
    saved = found.save(folder / "saved.png")
    assert saved.read_bytes() == png()
    assert notebook.run(f"ls.attachment({image[:9]!r}).hash", "a").result == image
    svg: Any = notebook.run(f"ls.attachment({drawing!r})", "a").result
    assert svg.kind == "file"
    assert "No conversation" in notebook.run("ls.attachment('0' * 64)", "a").complaint
    assert "hash of an attachment" in notebook.run("ls.attachment('0')", "a").complaint


async def _messages(notebook: Notebook) -> Any:
    workspace = notebook.shell.workspace
    [session] = await workspace.manager.list_user_sessions(workspace.user_id)
    return await session.get_messages()


@pytest.mark.parametrize(
    "line, words",
    [
        ("-a {{ x }}", ("{{ x }}",)),
        ("-a {{d['a b']}} -a 'a b.png'", ("{{d['a b']}}", "a b.png")),
        ('-a {{d["a"].b[0]}}', ('{{d["a"].b[0]}}',)),
        ("-a cell -a Out[5]", ("cell", "Out[5]")),
    ],
)
def test_a_word_of_the_line_may_be_a_field(line, words):
    """With spaces and quotes, as in a prompt."""
    assert parse_cell_line(line).attachments == words
