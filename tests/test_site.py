"""The site has everything that there is, its pages agree with the code, and their links lead somewhere."""

from __future__ import annotations

import inspect
import posixpath
import re
import tomllib
from importlib import import_module

import nbformat
import pytest

from langswarm_nb.notebook.asking.cell_flags import cell_parser
from langswarm_nb.notebook.commands import COMMANDS
from langswarm_nb.notebook.config import NotebookConfig
from scripts.site import api, built, markdown, notebooks, pages, reference
from scripts.site.__main__ import configuration, llms_txt
from tests.support.paths import REPOSITORY

PAGES = pages.all_pages()
each_page = pytest.mark.parametrize("path", [page.path for page in PAGES])
each_module = pytest.mark.parametrize("module", api.modules())


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    """Return path -> Markdown of each page."""
    return {page.path: plain for page, plain, _ in pages.staged(PAGES)}


@pytest.fixture(scope="module")
def files() -> set[str]:
    """Return the names of all that the site has, its pages as Markdown."""
    pictures = {f"images/{file.name}" for file in (REPOSITORY / "docs" / "images").iterdir()}
    return pictures.union(*([page.path, *page.files()] for page in PAGES))


@each_page
def test_links_of_a_page_lead_somewhere(path, texts, files):
    """Each relative link names a page or a file of the site, and a place that is there."""
    dead = []
    for link in markdown.links(texts[path]):
        name, _, anchor = link.partition("#")
        target = posixpath.normpath(posixpath.join(posixpath.dirname(path), name)) if name else path
        if link.startswith(("http:", "https:", "data:")):
            continue
        if target not in files or (anchor and anchor not in markdown.anchors(texts[target])):
            dead.append(link)
    assert dead == []


@each_page
def test_a_page_names_no_place_of_a_machine(path, texts):
    """What a page says is true on every machine."""
    assert re.search(r"(?<![\w.])/(home|root|Users|tmp|work)/\w", texts[path]) is None


@each_page
def test_a_page_loads_no_picture_from_elsewhere(path, texts):
    """Who reads the site is seen by its host alone."""
    assert re.findall(r"!\[[^\]]*\]\(https?:[^)]*\)|<(?:img|script|iframe)[^>]*https?:", texts[path]) == []


def test_every_document_and_notebook_is_a_page():
    """What is written for readers is on the site: a new guide, decision or notebook without being listed."""
    wanted = {file.relative_to(REPOSITORY).as_posix() for file in (REPOSITORY / "docs").rglob("*.md")}
    wanted |= {f"notebooks/{file.name}" for file in (REPOSITORY / "notebooks").glob("*.ipynb")}
    wanted |= {"CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"}
    assert wanted - {page.source for page in PAGES} == set()


def test_every_page_is_in_the_navigation_and_has_a_twin(texts):
    """The generator's settings and llms.txt name each page once."""
    nav = str(tomllib.loads(configuration(PAGES))["project"]["nav"])
    listed = llms_txt(PAGES, texts)
    assert [path for path in texts if nav.count(f"'{path}'") != 1] == []
    assert [path for path in texts if listed.count(f"]({path})") != 1] == []


def test_nothing_of_the_theme_comes_from_elsewhere():
    """Fonts are the reader's own."""
    assert tomllib.loads(configuration(PAGES))["project"]["theme"]["font"] is False


def test_the_page_on_the_cell_has_every_flag():
    """With its words, as the help has them."""
    page = reference.cell_page()
    assert [flag for flag in cell_parser().flags if flag not in page] == []


def test_the_page_on_commands_has_every_command():
    """Each under a heading of its own, with its arguments."""
    page = reference.commands_page()
    assert {text for level, text in markdown.headings(page) if level == 3} == set(COMMANDS)
    for command in COMMANDS.values():
        assert command.parser.format_usage().strip() in page


def test_the_page_on_settings_has_every_setting():
    """With the variable of the environment that sets it."""
    page = reference.settings_page()
    for name in NotebookConfig.class_traits(config=True):
        assert f"| `{name}` | `LANGSWARM_{name.upper()}` |" in page


def test_the_page_on_the_panel_has_its_buttons():
    """What the front end's modules call their buttons is what stands there."""
    page = reference.panel_page()
    sources = "\n".join(file.read_text("utf-8") for file in reference.PANEL.glob("*.js"))
    labels = re.findall(r'iconButton\("\w+", "([^"]+)"', sources)
    assert len(labels) > 5
    assert [label for label in labels if f"- {label}\n" not in page] == []


@each_module
def test_a_public_module_has_a_page_with_all_its_names(module):
    """Each name is described there, or leads to the page that describes it."""
    page = api.module_page(module)
    described = {text for level, text in markdown.headings(page) if level == 2}
    for name in import_module(module).__all__:
        assert name in described or f"[`{name}`](" in page


@each_module
def test_a_class_has_the_methods_that_stay(module):
    """What its contract, its docstring or a guide names stands on its page, and nothing that begins with `_`."""
    page = api.module_page(module)
    assert not re.search(r"^### \w+\._", page, flags=re.MULTILINE)
    for name in import_module(module).__all__:
        value = getattr(import_module(module), name)
        if inspect.isclass(value) and api.homes()[name] == module:
            promised = [
                method
                for method in re.findall(r"`(\w+)`", inspect.getdoc(value) or "")
                if method in vars(value)
            ]
            callables = [method for method in promised if inspect.isroutine(vars(value)[method])]
            assert [method for method in callables if f"### {name}.{method}\n" not in page] == []


@each_module
def test_signatures_can_be_read(module):
    """What stands under a heading is Python."""
    for block in markdown.blocks(api.module_page(module)):
        if block.language == "python" and block.code.startswith(("def ", "async def ", "class ")):
            # A class is made as a function is called.
            compile(
                block.code.rstrip().replace("class ", "def ", 1)
                + ("" if "(" in block.code else "()")
                + ": ...",
                module,
                "exec",
            )


def test_a_notebook_is_a_page_with_its_outputs(tmp_path):
    """Text, HTML and pictures, in one block each; code that holds a fence stays one block."""
    outputs = [
        nbformat.v4.new_output("stream", text="a < b\n\nc\n"),
        nbformat.v4.new_output(
            "display_data", {"text/html": "<b>bold</b>\n\n<i>x</i>", "text/plain": "bold"}
        ),
        nbformat.v4.new_output("display_data", {"image/png": "aGk=", "text/plain": "<Figure>"}),
    ]
    code = "# NBVAL_IGNORE_OUTPUT\n%%langswarm\n```python\nx = 1\n```"
    cells = [
        nbformat.v4.new_markdown_cell("# Title\n\nWords."),
        nbformat.v4.new_code_cell(code, outputs=outputs),
    ]
    file = tmp_path / "a.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), file)
    plain, rich = notebooks.plain(file), notebooks.rich(file)
    assert plain.startswith("# Title\n\n[This notebook](a.ipynb), as it was saved.\n\nWords.\n")
    assert [block.language for block in markdown.blocks(plain)] == ["ipython", "text", "text"]
    assert next(markdown.blocks(plain)).code == "%%langswarm\n```python\nx = 1\n```\n"
    assert '<div class="nb-output"><pre>a &lt; b&#10;\nc</pre></div>' in rich
    assert '<div class="nb-output"><b>bold</b>&#10;\n<i>x</i></div>' in rich
    assert "![Output of the cell above](a-1-2.png)" in plain
    assert notebooks.files(file) == {"a.ipynb": file.read_bytes(), "a-1-2.png": b"hi"}


TEXT = """# A page

See [here](other.md#part-two "a title"), `[not](this.md)`, and ![a picture](a_(b).png).

```python
x = "[nor](this.md)"
```

## Part *two*: what's new?

[ref]: third.md
<img src="four.png">
"""


def test_links_are_found_where_they_are():
    """In text, in definitions and in HTML; not in code."""
    assert markdown.links(TEXT) == ["other.md#part-two", "a_(b).png", "third.md", "four.png"]
    assert markdown.relinked(TEXT, str.upper).count("THIRD.MD") == 1
    assert "`[not](this.md)`" in markdown.relinked(TEXT, str.upper)


def test_places_are_spelt_as_code_hosts_do():
    """Small letters, hyphens, no other marks; a second one of a name gets a number."""
    assert markdown.anchors(TEXT) == {"a-page", "part-two-whats-new"}
    assert markdown.anchors("# A\n\n## B\n\n## B\n") == {"a", "b", "b-1"}


@pytest.mark.parametrize(
    "html, problem",
    [
        ('<a href="gone.html">x</a>', "links to gone.html"),
        ('<a href="#gone">x</a>', "links to #gone"),
        ('<img src="https://pictures.example/a.png">', "loads https://pictures.example/a.png"),
        ('<script src="//scripts.example/a.js"></script>', "loads //scripts.example/a.js"),
        ('<link rel="stylesheet" href="https://fonts.example/a.css">', "loads https://fonts.example/a.css"),
        ("<p>see /home/ada/notes</p>", "names a place of a machine: /home/a"),
        ('<a data-md-component="source" href="https://code.example">x</a>', "asks the code host"),
    ],
)
def test_what_is_wrong_with_a_built_page_is_said(tmp_path, html, problem):
    """A dead link, something from another host, a name of a machine end the build."""
    (tmp_path / "index.html").write_text(f'<html><h1 id="a">A</h1>{html}</html>', "utf-8")
    [found] = built.problems(tmp_path)
    assert found.startswith("index.html ")
    assert problem in found


def test_a_good_page_has_no_problems(tmp_path):
    """Links to other hosts are links; they load nothing."""
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "index.html").write_text('<h2 id="there">B</h2>', "utf-8")
    text = '<a href="https://code.example/">x</a><a href="b/#there">y</a><link rel="canonical" href="https://x.example">'
    (tmp_path / "index.html").write_text(text, "utf-8")
    assert built.problems(tmp_path) == []
    assert built.missing(tmp_path, ["index.md", "b/index.md", "b.md", "c.md"]) == ["c.md became no page"]
