"""How a picture is shown: in the colours of the page where that is possible, and white everywhere else."""

from __future__ import annotations

import base64
import io
import pickle
import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from langswarm_nb.analysis import plots as typed_plots
from langswarm_nb.analysis import turns_df

plots: Any = typed_plots
matplotlib: Any = pytest.importorskip("matplotlib", reason="needs the extra plot", exc_type=ImportError)
plt: Any = pytest.importorskip("matplotlib.pyplot", exc_type=ImportError)
Image: Any = pytest.importorskip("PIL.Image")

HOSTILE = "--><script>alert(1)</script><img src=x onerror=alert(1)>\"' & $\\frac{1}{$"
COLOR = re.compile(r"(?:fill|stroke): (#[0-9a-f]{6}|[a-z][^;\"]*)")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def some_turns(model="a"):
    """Return three requests, one of which failed."""
    frame = turns_df([]).reindex(range(3))
    moments = ["2026-11-01T10:00", "2026-11-01T10:05", "2026-11-01T10:09"]
    frame["started_at"] = np.array(moments, "datetime64[us]")
    return frame.assign(
        session_id="s",
        session="May",
        turn=range(3),
        model=model,
        status=["ok", "ok", "error"],
        duration_s=1.5,
    ).assign(input_tokens=100, output_tokens=50, cost_usd=0.01, time_to_first_chunk_s=0.5)


def drawn(draw=plots.timeline, **more):
    return draw(some_turns(**more)).figure


def html_of(figure):
    return figure._repr_mimebundle_()["text/html"]


def png_of(figure):
    return Image.open(io.BytesIO(base64.b64decode(figure._repr_mimebundle_()["image/png"])))


class Tags(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("draw", [plots.timeline, plots.tokens, plots.latency, plots.cost, plots.heatmap])
def test_writing_and_axes_have_the_colour_of_the_page(draw):
    """Writing has the colour of the page, marks have one that is seen on both grounds, and there is no ground."""
    from langswarm_nb.analysis.plots.style import COLORS, ERROR, QUIET

    svg = html_of(drawn(draw)).partition("<img")[0]
    assert 'fill="currentColor"' in svg.partition(">")[2].partition(">")[0]
    ground = "var(--jp-layout-color0, var(--vscode-editor-background, Canvas))"
    assert set(COLOR.findall(svg)) <= {"currentColor", "none", ground, QUIET, ERROR, *COLORS}


def test_a_file_is_white():
    """What is saved, and the PNG beside the page's picture, has a white ground and black writing."""
    figure = drawn()
    assert png_of(figure).getpixel((0, 0)) == (255, 255, 255, 255)
    file = io.BytesIO()
    figure.savefig(file)
    assert Image.open(file).getpixel((0, 0)) == (255, 255, 255, 255)
    assert figure.get_facecolor() == (1.0, 1.0, 1.0, 1.0)


def test_a_page_that_takes_no_svg_shows_the_png():
    """Without the SVG and the style, which go together, a picture is left, and no stray text."""
    tags = Tags(html_of(drawn()))
    [image] = [attributes for tag, attributes in tags.found if tag == "img"]
    assert str(image["src"]).startswith("data:image/png;base64,")
    assert image["alt"] == "3 requests of May"
    assert tags.text.strip() == ".lsnb-plot svg + img { display: none }"
    assert "style" not in image


def test_a_picture_changes_nothing_else_in_the_page():
    """Its rules hold for itself, and its ids are its own, so that two pictures stand beside each other."""
    one, other = html_of(drawn()), html_of(drawn(plots.tokens))
    ids = [set(re.findall(r' id="([^"]*)"', page)) for page in (one, other)]
    assert ids[0]
    assert not ids[0] & ids[1]
    for page, own in zip((one, other), ids, strict=True):
        assert set(re.findall(r'(?:href="#|url\(#)([^")]*)', page)) <= own
        assert re.findall(r"<style[^>]*>(.*?)</style>", page) == [".lsnb-plot svg + img { display: none }"]


def test_a_picture_is_the_same_each_time():
    """Two pictures of the same frame are the same bytes: a notebook that is run again does not change."""
    assert html_of(drawn()) == html_of(drawn())


def test_hostile_names_are_shapes():
    """A name of a model adds no tag, no attribute and no text to the page."""
    plain, hostile = (Tags(html_of(drawn(model=model))) for model in ("model", HOSTILE))
    assert {tag for tag, _ in hostile.found} == {tag for tag, _ in plain.found}
    assert not any(name.startswith("on") for _, attributes in hostile.found for name in attributes)
    assert hostile.text.split() == plain.text.split()
    named = some_turns().assign(session=HOSTILE)
    tags = Tags(html_of(plots.timeline(named).figure))
    assert {tag for tag, _ in tags.found} == {tag for tag, _ in plain.found}


def test_a_style_of_the_users_own_stays():
    """Under another style of matplotlib's the picture has that style's colours, as a PNG."""
    with plt.style.context("dark_background"):
        figure = drawn()
        assert set(figure._repr_mimebundle_()) == {"image/png"}
        assert png_of(figure).getpixel((0, 0)) == (0, 0, 0, 255)


def test_an_svg_that_would_be_large_is_left_out(monkeypatch):
    """Of a picture with very many marks the PNG is kept alone."""
    monkeypatch.setattr("langswarm_nb.analysis.plots.picture._MAX_SVG_CHARS", 1000)
    assert set(drawn()._repr_mimebundle_()) == {"image/png"}


def test_a_picture_can_be_pickled():
    """As every figure of matplotlib's."""
    assert pickle.loads(pickle.dumps(drawn())).alt == "3 requests of May"  # noqa: S301 - our own
