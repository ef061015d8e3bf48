"""Images and files in the panel: pasted, dropped, chosen, taken away, sent, looked at, and seen without a kernel."""

from __future__ import annotations

import base64
import io
import json

import pytest

from tests.support.axe import findings
from tests.support.panel_page import PanelPage, item, patch, transcript

PANEL = """%load_ext langswarm_nb
import langswarm_nb as ls
panel = ls.chat(model="mock:echo")
panel"""
SIDE_PX = 400


def png(number=0, side=SIDE_PX):
    """Return a picture that differs from those of other numbers."""
    from PIL import Image

    file = io.BytesIO()
    Image.effect_mandelbrot((side, side), (-3 + number / 50, -2.5, 2, 2.5), 90).convert("RGB").save(file, "PNG")
    return file.getvalue()


PDF = b"%PDF-1.4\n1 0 obj<</Type/Page>>endobj\n%%EOF\n"
# Events as the browser makes them; files cannot be pasted or dragged by Playwright.
GIVE = """async (at, [how, files]) => {
  const data = new DataTransfer();
  for (const { name, type, bytes, size } of files) {
    const content = size ? new Uint8Array(size) : Uint8Array.from(atob(bytes), (sign) => sign.charCodeAt(0));
    data.items.add(new File([content], name, { type }));
  }
  const facts = { bubbles: true, cancelable: true, composed: true };
  if (how === 'paste') at.dispatchEvent(new ClipboardEvent('paste', { ...facts, clipboardData: data }));
  else for (const step of how.split(' ')) at.dispatchEvent(new DragEvent(step, { ...facts, dataTransfer: data }));
}"""


def file(name, data=b"", kind="", size=0):
    return {"name": name, "type": kind, "bytes": base64.b64encode(data).decode(), "size": size}


class Attaching:
    """The composer of a panel, and what is attached there."""

    def __init__(self, page):
        self.page = page
        self.box = page.get_by_role("textbox", name="Message", exact=True)
        self.tray = page.locator(".lsnb-composer .lsnb-tray")
        self.chips = self.tray.get_by_role("listitem")
        self.root = page.locator(".lsnb-panel")
        self.said = page.locator(".lsnb-unseen[role=status]")

    def paste(self, *files):
        self.box.evaluate(GIVE, ["paste", list(files)])

    def drag(self, steps, *files, onto=None):
        (onto or self.page.get_by_role("log")).evaluate(GIVE, [steps, list(files)])

    def drop(self, *files):
        self.drag("dragenter dragover drop", *files)

    def expect(self, *names):
        """Wait until exactly these are attached, whole."""
        for name in names:
            self.chips.filter(has_text=name).filter(has_not_text="uploading").first.wait_for()
        self.page.wait_for_function(
            "(count) => document.querySelectorAll('.lsnb-composer .lsnb-chip').length === count", arg=len(names)
        )


@pytest.fixture
def open_panel(open_notebook, page):
    """Return a function that opens a notebook with a panel, and its composer."""

    def opener(*more, front_end="lab"):
        notebook = open_notebook([PANEL, *more], front_end=front_end)
        notebook.run_cell(0)
        return notebook, Attaching(page)

    return opener


LOADED = "(node) => { const img = node.querySelector('img'); return Boolean(img?.complete && img.naturalWidth); }"


def test_pasted_dropped_sent_and_found_again(open_panel, page, watched):
    """A picture and a PDF survive a reload as a draft, go out, are shown, and stay in the file without a kernel."""
    notebook, composer = open_panel("[(p['name'], p['size']) for p in panel.value[0].attachments]")
    picture, other = png(1), png(2)
    composer.box.fill("What do these show?")
    composer.paste(file("image.png", picture, "image/png"))
    composer.drop(file("report.pdf", PDF), file("other.png", other))
    composer.expect("image.png", "report.pdf", "other.png")
    composer.chips.filter(has_text="other.png").get_by_role("button", name="Remove other.png").click()
    composer.expect("image.png", "report.pdf")
    notebook.save()
    page.reload()
    composer.expect("image.png", "report.pdf")
    assert composer.box.input_value() == "What do these show?"
    composer.box.press("Enter")
    page.locator(".lsnb-assistant:not(.lsnb-live)").get_by_text("You said: What do these show?").wait_for()
    composer.tray.wait_for(state="hidden")
    sent = page.locator(".lsnb-user .lsnb-chip")
    assert [words.split("\n")[0] for words in sent.all_inner_texts()] == ["image.png", "report.pdf"]
    sent.first.locator("img").wait_for()
    assert sent.first.evaluate(LOADED)
    sent.first.click()
    dialog = page.get_by_role("dialog", name="image.png")
    dialog.get_by_role("img", name="image.png").wait_for()
    assert dialog.get_by_role("img").evaluate("(img) => img.naturalWidth") == SIDE_PX
    with page.expect_download() as download:
        dialog.get_by_role("button", name="Save").click()
    assert download.value.suggested_filename == "image.png"
    assert download.value.path().read_bytes() == picture
    page.keyboard.press("Escape")
    dialog.wait_for(state="detached")
    assert page.locator(":focus").get_attribute("aria-label") == "Open image.png"
    notebook.run_cell(1)
    assert notebook.text(1) == str([("image.png", len(picture)), ("report.pdf", len(PDF))])
    assert watched.errors == []
    assert watched.foreign == []


def test_an_edit_keeps_what_is_attached_but_what_is_removed(open_panel, page, watched):
    """In Notebook 7, by the file dialog; the new version goes with what was left, and regenerating keeps it."""
    notebook, composer = open_panel("[len(m.attachments) for m in panel.value]", front_end="notebook")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Attach files").click()
    files = [("a.png", png(1)), ("b.txt", b"some words"), ("c.txt", b"others")]
    chooser.value.set_files([{"name": name, "mimeType": "", "buffer": data} for name, data in files])
    composer.expect("a.png", "b.txt", "c.txt")
    composer.box.press("Enter")  # without a word
    question, answers = page.locator(".lsnb-user"), page.locator(".lsnb-assistant:not(.lsnb-live)")
    answers.first.wait_for()
    question.get_by_role("button", name="Open b.txt").hover()
    page.get_by_role("button", name="Edit", exact=True).click()
    editor = page.locator(".lsnb-editor")
    editor.get_by_role("button", name="Remove b.txt").click()
    editor.get_by_role("textbox").fill("What is left?")
    editor.get_by_role("button", name="Send as new version").click()
    answers.get_by_text("You said: What is left?").wait_for()
    names = [words.split("\n")[0] for words in question.locator(".lsnb-chip").all_inner_texts()]
    assert names == ["a.png", "c.txt"]
    answers.hover()
    page.get_by_role("button", name="Regenerate", exact=True).click()
    answers.get_by_text("2/2").wait_for()
    notebook.run_cell(1)
    assert notebook.text(1) == "[2, 0]"
    assert watched.errors == []


def test_twenty_pictures_load_when_they_are_seen(open_panel, page, watched):
    """A long conversation asks for the pictures in view, and for the others while the reader scrolls to them."""
    _, composer = open_panel()
    composer.paste(*(file(f"plot{n}.png", png(n, 120)) for n in range(20)))
    composer.expect(*(f"plot{n}.png" for n in range(20)))
    composer.box.press("Enter")
    page.locator(".lsnb-assistant:not(.lsnb-live)").first.wait_for()
    pictures = page.locator(".lsnb-user .lsnb-chip")
    pictures.last.locator("img").wait_for()
    assert not pictures.first.evaluate(LOADED)
    height = page.get_by_role("log").evaluate("(log) => log.scrollHeight")
    pictures.first.scroll_into_view_if_needed()
    pictures.first.locator("img").wait_for()
    assert page.get_by_role("log").evaluate("(log) => log.scrollHeight") == height, "nothing moves"
    assert watched.errors == []
