import pytest
pytestmark = pytest.mark.e2e
def test_look(open_notebook, page, watched):
    book = open_notebook(["%load_ext langswarm_nb", "%%langswarm mock:script\nShow me something", "%%langswarm mock:script\nmore", "%%langswarm -m mock:script,mock:echo\nAnd a comparison?", "%%langswarm openai:gpt-6-luna\nno key", "%%langswarm mock:slow\nslow one", "import langswarm_nb as ls\nls.turns_df()[['turn','model','status','duration_s','output_tokens']]", "%langswarm tree"])
    for i in range(5):
        book.run_cell(i); book.wait_done()
    page.set_viewport_size({"width":1100,"height":1500})
    page.wait_for_timeout(800)
    page.screenshot(path="/tmp/look1.png")
    book.run_cell(5)
    page.wait_for_timeout(1500)
    page.screenshot(path="/tmp/look2.png")
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:interrupt-kernel')")
    book.wait_done()
    page.wait_for_timeout(500)
    book.run_cell(6); book.wait_done(); book.run_cell(7); book.wait_done()
    page.wait_for_timeout(800)
    page.screenshot(path="/tmp/look3.png")
    print(watched)
