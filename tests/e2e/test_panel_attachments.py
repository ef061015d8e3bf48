"""Images and files in the panel: pasted, dropped, chosen, taken away, sent, looked at, and seen without a kernel."""

from __future__ import annotations

import base64
import io

import pytest

from tests.support.axe import findings
from tests.support.panel_page import PanelPage, item, transcript

PANEL = """%load_ext langswarm_nb
import langswarm_nb as ls
panel = ls.chat(model="mock:echo")
panel"""
SIDE_PX = 400


def png(number=0, side=SIDE_PX):
    """Return a picture that differs from those of other numbers."""
    from PIL import Image

    file = io.BytesIO()
    Image.effect_mandelbrot((side, side), (-3 + number / 50, -2.5, 2, 2.5), 90).convert("RGB").save(
        file, "PNG"
    )
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
            "(count) => document.querySelectorAll('.lsnb-composer .lsnb-chip').length === count",
            arg=len(names),
        )


@pytest.fixture
def open_panel(open_notebook, page):
    """Return a function that opens a notebook with a panel, and its composer."""

    def opener(*more, front_end="lab"):
        notebook = open_notebook([PANEL, *more], front_end=front_end)
        notebook.run_cell(0)
        return notebook, Attaching(page)

    return opener


LOADED = (
    "(node) => { const img = node.querySelector('img'); return Boolean(img?.complete && img.naturalWidth); }"
)


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
    assert sent.locator(".lsnb-chip-name").all_inner_texts() == ["image.png", "report.pdf"]
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
    assert page.locator(":focus .lsnb-chip-name").inner_text() == "image.png"
    notebook.run_cell(1)
    assert notebook.text(1) == str([("image.png", len(picture)), ("report.pdf", len(PDF))])
    notebook.run_cell(0)  # JupyterLab updates no output from before the reload
    page.locator(".lsnb-twin img").wait_for(state="attached")
    notebook.save()
    page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    page.reload()
    notebook.wait_ready()
    twin = page.locator(".lsnb-twin .lsnb-by-user")
    twin.get_by_text("report.pdf").wait_for()
    twin.get_by_role("img", name="image.png").wait_for()
    assert watched.errors == []
    assert watched.foreign == []


@pytest.mark.parametrize("front_end", ["notebook"])
def test_an_edit_keeps_what_is_attached_but_what_is_removed(open_panel, front_end, page, watched):
    """In Notebook 7, by the file dialog; the new version goes with what was left, and regenerating keeps it."""
    notebook, composer = open_panel("[len(m.attachments) for m in panel.value]", front_end=front_end)
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
    assert question.locator(".lsnb-chip-name").all_inner_texts() == ["a.png", "c.txt"]
    answers.hover()
    page.get_by_role("button", name="Regenerate", exact=True).click()
    answers.get_by_text("2/2").wait_for()
    notebook.run_cell(1)
    assert notebook.text(1) == "[2, 0]"
    assert watched.errors == []


def test_twenty_pictures_load_when_they_are_seen(open_panel, page, watched):
    """A long conversation asks for the pictures in view, and for the others while the reader scrolls to them."""
    _, composer = open_panel()
    names = [f"plot{number:02}.png" for number in range(20)]
    composer.paste(*(file(name, png(number, 120)) for number, name in enumerate(names)))
    composer.expect(*names)
    composer.box.press("Enter")
    page.locator(".lsnb-assistant:not(.lsnb-live)").first.wait_for()
    pictures = page.locator(".lsnb-user .lsnb-chip")
    pictures.last.scroll_into_view_if_needed()
    pictures.last.locator("img").wait_for()
    assert not pictures.first.evaluate(LOADED)
    height = page.get_by_role("log").evaluate("(log) => log.scrollHeight")
    pictures.first.scroll_into_view_if_needed()
    pictures.first.locator("img").wait_for()
    assert page.get_by_role("log").evaluate("(log) => log.scrollHeight") == height, "nothing moves"
    assert watched.errors == []


NAMES = {
    "<img src=x onerror=boom()>.png": "<img src=x onerror=boom()>.png",
    "gpj.\u202e\u2067txt.exe": r"gpj.\u202e\u2067txt.exe",
    "שלום עולם.png": "שלום עולם.png",
    "very " * 60 + "long.csv": "very very",
    "../../etc/passwd\n.txt": "../../etc/passwd",
    "&lt;b&gt;'\"`": "&lt;b&gt;'\"`",
}


def chip(number, name, **facts):
    return {"id": f"k{number}", "kind": "file", "name": name, "facts": "text/plain · 5 B", **facts}


def test_hostile_names_are_words_and_nothing_leaves_the_panel(panel, blank):
    """In the tray, in a message, in the viewer and in what is announced; also at 320 pixels."""
    page = blank.page
    page.set_viewport_size({"width": 320, "height": 800})
    page.evaluate("() => { window.boom = () => { window.hit = true; }; }")
    chips = [chip(number, name, hash=f"{number:064}") for number, name in enumerate(NAMES)]
    chips.append(chip(9, "a link", url="javascript:boom()"))
    panel.set(attached=chips, transcript=transcript(item(1, "", "user", attached=chips)))
    for shown in NAMES.values():
        assert page.locator(".lsnb-tray .lsnb-chip-name").filter(has_text=shown).count() == 1
        assert page.locator(".lsnb-message .lsnb-chip-name").filter(has_text=shown).count() == 1
    assert page.locator(".lsnb-chip[href]").count() == 0
    assert page.get_by_role("log").evaluate("(log) => log.scrollWidth <= log.clientWidth")
    assert page.locator(".lsnb-panel").evaluate("(root) => root.scrollWidth <= root.clientWidth")
    for number in range(len(NAMES)):
        page.locator(".lsnb-message .lsnb-chip").nth(number).click()
        page.get_by_role("dialog").get_by_role("button", name="Close").click()
    page.get_by_role("button", name="Remove gpj").click()
    assert "\u202e" not in page.locator(".lsnb-unseen[role=status]").inner_text()
    assert page.evaluate("() => window.hit") is None
    assert blank.watched.errors == []
    page.set_viewport_size({"width": 1100, "height": 850})


def test_what_was_done_to_a_file_is_read_to_its_end(panel, blank):
    """However narrow its chip is, large picture or small sign; the viewer says it too."""
    page = blank.page
    note = "converted to UTF-8, location removed"
    chips = [
        chip(1, "photo.jpg", kind="image", picture=True, hash="1" * 64, note=note),
        chip(2, "a.txt", hash="2" * 64, note=note),
    ]
    panel.set(attached=chips, transcript=transcript(item(1, "", "user", attached=chips)))
    notes = page.locator(".lsnb-chip-note")
    assert notes.all_inner_texts() == [note] * 4
    for shown in notes.all():
        assert shown.evaluate("(node) => node.scrollWidth <= node.parentElement.clientWidth")
        assert shown.evaluate("(node) => getComputedStyle(node).whiteSpace") == "normal"
    page.locator(".lsnb-message .lsnb-chip").first.click()
    viewer = page.get_by_role("dialog")
    assert note in viewer.inner_text()
    viewer.get_by_role("button", name="Close").click()


# A kernel that takes pieces when the test says so: `model.go()` answers the oldest that waits.
WAITING = """() => {
  model.waiting = [];
  const answer = ({ n }, value) => model.custom({ type: 'result', n, value });
  model.kernel = (content, buffers) => {
    model.custom({ type: 'ack', n: content.n });
    if (content.type === 'attach_piece') model.waiting.push({ ...content, size: buffers[0].byteLength });
    else answer(content, content.type === 'attach_begin' ? { done: false } : {});
  };
  model.go = (done, chip) => {
    const piece = model.waiting.shift();
    if (chip) model.set('attached', [...model.get('attached'), { id: piece.id, ...chip }]);
    answer(piece, { done });
  };
}"""


class SlowKernel(Attaching):
    """A composer, and the kernel that it waits for."""

    def __init__(self, panel):
        super().__init__(panel.page)
        self.panel = panel

    def go(self, done=False, name=None):
        """Take the oldest piece that waits."""
        self.page.wait_for_function("() => model.waiting.length")
        self.page.evaluate("([done, chip]) => model.go(done, chip)", [done, name and chip_of(name)])


@pytest.fixture
def slow(panel):
    """Return the composer of a panel whose kernel takes the pieces of files one by one, when it is told to."""
    panel.page.evaluate(WAITING)
    return SlowKernel(panel)


def chip_of(name):
    return {"kind": "file", "name": name, "facts": "text/plain · 2.5 MB"}


def test_a_file_goes_in_pieces_and_the_message_waits_for_it(slow):
    """In order, at most 1 MB each, one after the other; what is sent meanwhile goes when the file is there."""
    slow.box.fill("look")
    slow.drop(file("big.csv", size=2_500_000))
    slow.chips.get_by_text("uploading 0 %").wait_for()
    slow.box.press("Enter")
    slow.page.get_by_text("This will be sent when everything is attached.").wait_for()
    slow.go()
    slow.chips.get_by_text("uploading 40 %").wait_for()
    assert slow.panel.sent("send") == []
    slow.go()
    slow.chips.get_by_text("uploading 80 %").wait_for()
    slow.go(done=True, name="big.csv")
    slow.page.locator(".lsnb-pending").get_by_text("look").wait_for()
    pieces = slow.panel.sent("attach_piece")
    assert [piece["at"] for piece in pieces] == [0, 1_000_000, 2_000_000]
    [begun] = slow.panel.sent("attach_begin")
    assert (begun["name"], begun["size"], begun["session"]) == ("big.csv", 2_500_000, "s1")
    [sent] = slow.panel.sent("send")
    assert (sent["text"], sent["attached"]) == ("look", [begun["id"]])
    assert slow.page.locator(".lsnb-pending .lsnb-chip-name").inner_text() == "big.csv"
    assert slow.tray.is_hidden()


def test_an_upload_that_is_removed_ends_and_the_next_begins(slow):
    """No further piece is sent, the kernel is told, and what was refused is not sent at all."""
    slow.drop(file("one.bin", size=3_000_000), file("two.bin", size=1000))
    slow.go()
    slow.chips.get_by_text("uploading 33 %").wait_for()
    slow.tray.get_by_role("button", name="Remove one.bin").click()
    assert slow.page.locator(":focus").get_attribute("aria-label") == "Remove two.bin"
    assert slow.said.inner_text() == "one.bin removed"
    slow.go()
    slow.go(done=True, name="two.bin")
    slow.page.wait_for_function(
        "() => document.querySelector('.lsnb-unseen').textContent === 'two.bin attached'"
    )
    one, two = slow.panel.sent("attach_begin")
    assert [(each["id"], each["at"]) for each in slow.panel.sent("attach_piece")] == [
        (one["id"], 0),
        (one["id"], 1_000_000),
        (two["id"], 0),
    ]
    assert [each["id"] for each in slow.panel.sent("attach_remove")] == [one["id"]]
    slow.drop(file("huge.bin", size=21_000_000))
    slow.chips.get_by_text("It has 21 MB; at most 20 MB can be attached.").wait_for()
    slow.drop(*(file(f"large{number}.bin", size=19_000_000) for number in range(3)))
    slow.chips.get_by_text("The message would have 57 MB; at most 50 MB go with one.").wait_for()
    assert "large2.bin could not be attached" in slow.said.inner_text()
    assert len(slow.panel.sent("attach_begin")) < 5
    slow.page.evaluate("() => model.set('gone', true)")
    slow.chips.filter(has_text="large0").get_by_text("The kernel of this panel has ended.").wait_for()


def test_what_is_refused_says_why_and_the_draft_stays(panel, blank):
    """A model that takes no images, a broken file: the words of the kernel are shown, and nothing is lost."""
    page, composer = blank.page, Attaching(blank.page)
    page.evaluate(
        """() => { model.kernel = ({ type, n }) => {
          const error = { send: 'x:y does not take images.', attach_begin: 'It is a broken PNG.' }[type];
          model.custom({ type: 'result', n, ...(error ? { error } : { value: {} }) });
        }; }"""
    )
    panel.set(attached=[chip(1, "kept.png")])
    composer.box.fill("what is it?")
    composer.box.press("Enter")
    page.get_by_role("alert").get_by_text("x:y does not take images.").wait_for()
    assert composer.box.input_value() == "what is it?"
    assert composer.chips.all_inner_texts() == ["kept.png\ntext/plain · 5 B"]
    composer.paste(file("broken.png", b"?"))
    composer.chips.get_by_text("It is a broken PNG.").wait_for()
    assert composer.said.inner_text() == "broken.png could not be attached: It is a broken PNG."


def test_text_is_not_taken_for_files(panel, blank):
    """Words and addresses that are dropped go into the box; cells of a spreadsheet are pasted as text."""
    page, composer = blank.page, Attaching(blank.page)
    log = page.get_by_role("log")
    drag = """(at, [type, text]) => {
      const data = new DataTransfer();
      data.setData(type, text);
      for (const step of ['dragover', 'drop']) {
        at.dispatchEvent(new DragEvent(step, { bubbles: true, cancelable: true, dataTransfer: data }));
      }
    }"""
    composer.box.fill("see")
    log.evaluate(drag, ["text/plain", "https://example.org"])
    assert composer.box.input_value() == "see https://example.org"
    composer.box.evaluate(
        """(box) => {
          const data = new DataTransfer();
          data.setData('text/plain', '1');
          data.setData('text/html', '<td>1');
          data.items.add(new File(['x'], 'image.png'));
          window.taken = !box.dispatchEvent(
            new ClipboardEvent('paste', { bubbles: true, cancelable: true, clipboardData: data }));
        }"""
    )
    assert page.evaluate("() => window.taken") is False
    zone = page.locator(".lsnb-drop")
    composer.drag("dragenter dragover", file("a.txt", b"x"))
    assert zone.is_visible()
    composer.drag("dragleave", file("a.txt", b"x"), onto=page.locator(".lsnb-panel"))
    assert zone.is_hidden()
    assert composer.chips.count() == 0


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_attachments_by_keyboard_and_for_screen_readers(blank, theme):
    """Everything has a name, a size and a place for the focus; Backspace goes to the last one, and takes it away."""
    page = blank.page
    chips = [
        chip(1, "one.txt"),
        chip(2, "two.png", kind="image", picture=True, hash="b" * 64),
        chip(3, "three.pdf"),
    ]
    vendor = '<details class="lsnb-vendor"><summary>searched</summary><pre>found</pre></details>'
    shown = transcript(item(1, "", "user", attached=chips), item(2, "x", carried=vendor, attached=chips[1:2]))
    panel = PanelPage(page, {"theme": theme, "attached": chips, "transcript": shown, "height": "50rem"})
    panel.answer()
    composer = Attaching(page)
    composer.drop(file("huge.bin", size=21_000_000))
    assert findings(page) == []
    sizes = page.evaluate(
        """() => [...document.querySelectorAll('.lsnb-composer button, .lsnb-message button')]
          .map((button) => button.getBoundingClientRect()).map(({ width, height }) => Math.min(width, height))"""
    )
    assert min(sizes) >= 24
    focused = page.locator(":focus")
    composer.box.focus()
    page.keyboard.press("Backspace")
    assert focused.get_attribute("aria-label") == "Remove huge.bin"
    page.keyboard.press("Delete")
    page.keyboard.press("Backspace")
    assert focused.get_attribute("aria-label") == "Remove two.png"
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    assert focused.get_attribute("aria-label") == "Remove two.png"
    page.keyboard.press("Space")
    assert focused.get_attribute("aria-label") == "Message"
    assert [sent["id"] for sent in panel.sent("attach_remove")] == ["k3", "k1", "k2"]
    page.get_by_role("button", name="Open two.png").first.press("Enter")
    assert findings(page, "dialog") == []
    page.keyboard.press("Escape")
    assert focused.locator(".lsnb-chip-name").inner_text() == "two.png"
