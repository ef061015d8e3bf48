"""The `%%langswarm` cell where it lives: JupyterLab and Notebook 7, a real kernel, a real browser."""

from __future__ import annotations

import pytest

from tests.support.counting import counting

pytestmark = pytest.mark.e2e

LOAD = "%load_ext langswarm_nb"
HOSTILE = '<img src=x onerror="window.bad=1"><script>window.bad=1</script>![p](https://evil.invalid/p.png)'


def reply_text(page, number=0):
    """Return what a reader sees of a reply."""
    return page.locator(".jp-OutputArea-output .lsnb-reply").nth(number).inner_text()


@pytest.mark.parametrize("front_end", ["lab", "notebook"])
def test_a_cell_streams_stops_and_becomes_a_version(open_notebook, page, watched, front_end):
    """Text appears while it arrives, ■ keeps the part and its mark, running again makes version 2."""
    replies = "[numbers, 'The end.']"
    book = open_notebook([LOAD + counting(replies), "%%langswarm\nCount", "6 * 7"], front_end=front_end)
    book.run_cell(0)
    book.start_cell(1)
    page.wait_for_function(
        "() => (document.querySelector('.lsnb-reply')?.innerText ?? '').includes('1 2 3 4 5')"
    )
    page.evaluate("() => { window.jupyterapp.commands.execute('notebook:interrupt-kernel'); }")
    book.wait_done()
    stopped = reply_text(page)
    assert "1 2 3 4 5" in stopped
    assert "stopped" in stopped
    book.run_cell(2)
    assert book.text(2) == "42"
    book.run_cell(1)
    whole = reply_text(page)
    assert "The end." in whole
    assert " · turn 0.2" in whole
    assert page.locator(".lsnb-reply").count() == 1
    saved = book.save().cells[1].outputs
    assert [output.output_type for output in saved] == ["display_data"]
    assert saved[0].data["text/plain"].endswith("The end.")
    assert saved[0].metadata["langswarm"]["status"] == "ok"
    assert watched.errors == []


def test_run_all_stops_at_an_error_and_keeps_the_order(open_notebook, page, watched):
    """Cells before the failing one are answered in order; those after it do not run."""
    book = open_notebook(
        [
            LOAD,
            "%%langswarm\none",
            "%%langswarm\ntwo",
            "%%langswarm mock:error\nthree",
            "%%langswarm\nfour",
        ]
    )
    book.command("notebook:run-all-cells")
    book.wait_done()
    assert "You said: one" in book.text(1)
    assert "You said: two" in book.text(2)
    error = book.text(3)
    assert "The service failed" in error
    assert "Traceback" not in error
    assert book.text(4) == ""
    assert watched.errors == []


def test_hostile_text_does_nothing(open_notebook, page, watched):
    """A reply full of markup is shown as text: no script runs, nothing is fetched."""
    book = open_notebook([LOAD, f"%%langswarm\n{HOSTILE}"])
    book.run_cell(0)
    book.run_cell(1)
    assert "onerror" in reply_text(page)
    assert page.evaluate("() => window.bad") is None
    assert page.locator(".lsnb-reply img, .lsnb-reply script").count() == 0
    assert watched.foreign == []


def test_columns_of_a_table_stand_as_the_reply_wants_them(open_notebook, page, watched):
    """Text is at the left, although JupyterLab puts all cells to the right; numbers are where the reply says."""
    book = open_notebook([LOAD, "%%langswarm\n\n| name | value |\n|---|--:|\n| a | 1 |"])
    book.run_cell(0)
    book.run_cell(1)
    cells = page.locator(".lsnb-table :is(th, td)")
    cells.last.wait_for()
    aligned = cells.evaluate_all("(cells) => cells.map((cell) => getComputedStyle(cell).textAlign)")
    assert aligned == ["left", "right", "left", "right"]
    assert watched.errors == []


def test_two_models_stand_side_by_side(open_notebook, page, watched):
    """A comparison has one column a model; on a narrow page they are stacked."""
    book = open_notebook([LOAD, "%%langswarm -m mock:script,mock:echo\nCompare"])
    book.run_cell(0)
    book.run_cell(1)
    columns = page.locator(".lsnb-columns > div")
    assert columns.count() == 2
    left, right = columns.nth(0).bounding_box(), columns.nth(1).bounding_box()
    assert left is not None
    assert right is not None
    assert right["x"] > left["x"]
    page.set_viewport_size({"width": 520, "height": 800})
    page.wait_for_function(
        """() => { const [a, b] = document.querySelectorAll('.lsnb-columns > div');
                   return b.getBoundingClientRect().top >= a.getBoundingClientRect().bottom - 1; }"""
    )
    assert watched.errors == []


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_a_reply_can_be_read_in_both_themes(open_notebook, page, watched, theme):
    """Text, code and footer differ from what is behind them by at least 4.5 to 1."""
    book = open_notebook([LOAD, "%%langswarm mock:script\none", "%%langswarm mock:script\ntwo"])
    book.command("apputils:change-theme", {"theme": theme})
    for number in range(3):
        book.run_cell(number)
    ratios = page.evaluate(CONTRASTS)
    assert len(ratios) >= 4
    assert min(ratios) >= 4.5
    assert watched.errors == []


CONTRASTS = """() => {
  const linear = (c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  const channel = (value) => linear(value / 255);
  const numbers = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const behind = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = numbers(getComputedStyle(at).backgroundColor);
      if (colour.length < 4 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const alpha = (node) => (node ? Number(getComputedStyle(node).opacity) * alpha(node.parentElement) : 1);
  const seen = '.lsnb-reply p, .lsnb-reply code, .lsnb-footer, .lsnb-lang';
  return [...document.querySelectorAll(seen)].map((node) => {
    const back = behind(node), a = alpha(node);
    const front = numbers(getComputedStyle(node).color).slice(0, 3).map((c, i) => c * a + back[i] * (1 - a));
    const [high, low] = [light(front), light(back)].sort((x, y) => y - x);
    return (high + 0.05) / (low + 0.05);
  });
}"""
