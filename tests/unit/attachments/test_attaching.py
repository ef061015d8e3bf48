"""What can be attached, and what it becomes; what cannot is refused in one line."""

from __future__ import annotations

import base64
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from langswarm_nb.core.session import AttachmentError
from langswarm_nb.core.session.attachments import attaching
from langswarm_nb.core.session.attachments.attaching import MAX_BYTES, attach, check_together
from langswarm_nb.core.session.parts.checking import checked_parts
from tests.support.paths import REPOSITORY
from tests.support.pictures import exif, gif, jpeg, pdf, png, segment, wav, webp


def office(*names: str, mimetype: str | None = None) -> bytes:
    """Return an archive of empty files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        if mimetype is not None:
            archive.writestr("mimetype", mimetype)
        for name in names:
            archive.writestr(name, "")
    return out.getvalue()


def damaged(method: int) -> bytes:
    """Return an archive whose packed type cannot be unpacked."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression=method) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.text")
    at = out.getvalue().index(b"mimetype") + len("mimetype")
    return out.getvalue()[:at] + b"\xff" * 12 + out.getvalue()[at + 12 :]


def isom(brand: bytes) -> bytes:
    return b"\0\0\0\x18ftyp" + brand + bytes(12)


BYTES = {
    "png": (png(), "image", "image/png"),
    "jpeg": (jpeg(), "image", "image/jpeg"),
    "gif": (gif(), "image", "image/gif"),
    "webp": (webp(), "image", "image/webp"),
    "heic": (isom(b"heic"), "image", "image/heic"),
    "avif": (isom(b"avif"), "image", "image/avif"),
    "bmp": (b"BM" + bytes(40), "image", "image/bmp"),
    "tiff": (b"II*\0" + bytes(20), "image", "image/tiff"),
    "pdf": (pdf(), "file", "application/pdf"),
    "wav": (wav(), "audio", "audio/wav"),
    "mp3": (b"ID3\x04" + bytes(40), "audio", "audio/mpeg"),
    "ogg": (b"OggS" + bytes(40), "audio", "audio/ogg"),
    "flac": (b"fLaC" + bytes(40), "audio", "audio/flac"),
    "m4a": (isom(b"M4A "), "audio", "audio/mp4"),
    "mp4": (isom(b"isom"), "file", "video/mp4"),
    "webm": (b"\x1aE\xdf\xa3" + bytes(20), "file", "video/webm"),
    "docx": (
        office("[Content_Types].xml", "word/document.xml"),
        "file",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ),
    "xlsx": (
        office("[Content_Types].xml", "xl/workbook.xml"),
        "file",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ),
    "odt": (
        office("content.xml", mimetype="application/vnd.oasis.opendocument.text"),
        "file",
        "application/vnd.oasis.opendocument.text",
    ),
    "svg": (b'<?xml version="1.0"?>\n<!-- a --><svg xmlns="x"/>', "file", "image/svg+xml"),
    "html": (b"<!DOCTYPE html><title>a</title>", "file", "text/html"),
    "xml": (b'<?xml version="1.0"?><a/>', "file", "text/xml"),
    "json": (b'{"a": [1]}', "file", "application/json"),
    "txt": ("Grüße\x1b[0m".encode(), "file", "text/plain"),
}


@pytest.mark.parametrize("ending", BYTES)
def test_bytes_tell_what_they_are(ending, tmp_path):
    """A file is what its first bytes say, under a name that lies too; the name is kept, and is no path."""
    data, kind, media_type = BYTES[ending]
    for name in (f"a.{ending}", "lies.exe", "lies"):
        file = tmp_path / name
        file.write_bytes(data)
        made = attach(file)
        assert (made.kind, made.media_type, made.name) == (kind, media_type, name)
        assert checked_parts([made.part])[0]["size"] == len(data)
        assert (attach(data, name=f"/x/../{name}").name, attach(data).media_type) == (name, media_type)


@pytest.mark.parametrize("picture", [png, gif, webp, jpeg], ids=lambda make: make.__name__)
def test_a_picture_tells_its_size(picture):
    """Width and height stand in the head of a picture."""
    made = attach(picture(640, 480))
    assert (made.width, made.height) == (640, 480)


def test_a_pdf_tells_its_pages():
    """As far as they can be counted without unpacking it."""
    assert attach(pdf(3)).pages == 3
    assert attach(b"%PDF-1.7\n1 0 obj <</Linearized 1/L 9/N 12/O 3>>").pages == 12
    assert attach(b"%PDF-1.7\n").pages is None


@pytest.mark.parametrize(
    "name, media_type",
    [("a.csv", "text/csv"), ("a.md", "text/markdown"), ("a.py", "text/x-python"), ("a.log", "text/plain")],
)
def test_the_name_tells_what_kind_of_text_a_text_is(name, media_type):
    """Bytes do not tell a table from prose."""
    assert attach(b"a,b\n1,2\n", name=name).media_type == media_type


def test_the_name_tells_which_old_document_a_document_is():
    """Those of before 2007 begin alike; one without such a name is nothing that a model takes."""
    old = b"\xd0\xcf\x11\xe0" + bytes(40)
    assert attach(old, name="a.doc").media_type == "application/msword"
    assert attach(old, name="a.xls").media_type == "application/vnd.ms-excel"
    with pytest.raises(AttachmentError, match="of a type that no model accepts"):
        attach(old, name="a.msi")


def test_text_of_other_programs_becomes_utf_8():
    """What has a mark of UTF-16 is converted, and the attachment says so."""
    made = attach("Grüße".encode("utf-16"))
    assert (made.data, made.note) == ("Grüße".encode(), "converted to UTF-8")


def test_data_addresses_hold_their_bytes():
    """What they say of their type is not believed."""
    text = base64.b64encode(png()).decode()
    assert attach(f"data:text/plain;base64,{text}").media_type == "image/png"
    assert attach("data:,Hello%20there").data == b"Hello there"


@pytest.mark.parametrize(
    "url, kind, name",
    [
        ("https://example.com/a/plot%20one.png?sig=1#top", "image", "plot one.png"),
        ("https://example.com/report.pdf", "file", "report.pdf"),
        ("https://example.com/pdf/2101.1", "file", "2101.1"),
        ("https://example.com:8443/a.mp3", "audio", "a.mp3"),
        ("https://example.com", "image", None),
        ("https://8.8.8.8/x.png", "image", "x.png"),
        ("https://bücher.example/x.png", "image", "x.png"),
    ],
)
def test_an_address_stays_one(url, kind, name):
    """Nothing is fetched before it is sent; what it seems to be, its ending says."""
    made = attach(url)
    assert (made.kind, made.name, made.data, made.url) == (kind, name, None, url.partition("#")[0])


BAD = {
    "missing": ("nope.png", "There is no file 'nope.png'"),
    "missing, with the ending of others": ("sales.png", "There is no file 'sales.png' in "),
    "missing, like a hidden one": ("fig", "There is no file 'fig' in "),
    "misspelt": ("there.pn", "did you mean there.png?"),
    "in no folder": ("none/a.png", "there is no folder 'none' either"),
    "folder": (".", "is a folder"),
    "endless": ("/dev/zero", "is not a file that can be read to its end"),
    "empty": ("empty.png", "is empty"),
    "21 MB": ("large.bin", "is 21 MB, more than the 20 MB"),
    "null": ("a\0b", "cannot be read"),
    "long": ("a" * 5000, "cannot be read"),
    "binary": (bytes(range(256)), "of a type that no model accepts"),
    "latin-1": ("Grüße".encode("latin-1"), "save it as UTF-8"),
    "archive": (office("a.txt"), "is an archive"),
    "broken archive": (b"PK\x03\x04" + bytes(9), "is a broken file"),
    **{
        f"broken archive ({method})": (damaged(method), "is a broken file")
        for method in (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
    },
    "a type that lies": (office("a", mimetype="<script>"), "is an archive"),
    "http": ("http://example.com/a.png", "must begin with https://"),
    "ftp": ("ftp://example.com/a.png", "must begin with https://"),
    "no host": ("https:///a.png", "is not an address"),
    "an empty label": ("https://a..example.com/a.png", "is not an address"),
    "a space": ("https://example.com/a b", "is not an address"),
    "a backslash": (r"https://example.com\a", "is not an address"),
    "data without": ("data:image/png;base64,", "has nothing after its comma"),
    "data broken": ("data:image/png;base64,%%%", "is not in base64"),
    "object": (object(), "type object cannot be attached"),
    "None": (None, "type NoneType cannot be attached"),
    "part": ({"type": "text", "text": "a"}, "is not an attachment"),
    "part of no bytes": ({"type": "image", "media_type": "image/png", "data": "!"}, "neither bytes nor"),
    **{
        f"at {host}": (f"https://{host}/a.png", "is not a public address")
        for host in (
            "localhost",
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f.1",
            "10.0.0.8",
            "169.254.169.254",
            "100.64.0.1",
            "[::1]",
            "[fd00::1]",
            "[::ffff:10.0.0.1]",
            "[64:ff9b::a00:1]",
            "server",
        )
    },
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_attached_is_refused_in_one_line(case, tmp_path, monkeypatch):
    """The line says what is wrong with what, and it is the error of attachments, whatever was given."""
    monkeypatch.chdir(tmp_path)
    Path("there.png").write_bytes(png())
    Path("empty.png").touch()
    with Path("large.bin").open("wb") as large:
        large.truncate(21_000_000)
    given, words = BAD[case]
    with pytest.raises(AttachmentError) as told:
        attach(given)
    assert words in str(told.value)
    assert "\n" not in str(told.value)
    assert len(str(told.value)) < 400


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file_is_refused(tmp_path):
    """With the system's reason."""
    file = tmp_path / "a.png"
    file.write_bytes(png())
    file.chmod(0)
    with pytest.raises(AttachmentError, match="permission denied"):
        attach(file)


def test_a_password_is_not_repeated():
    """The error would stand in the notebook."""
    with pytest.raises(AttachmentError, match="a user name or a password") as told:
        attach("https://me:s3cret@example.com/a.png")
    assert "s3cret" not in str(told.value)


@pytest.mark.parametrize("picture", [png, gif, webp, jpeg], ids=lambda make: make.__name__)
def test_a_picture_that_was_cut_is_broken_wherever_it_was(picture):
    """All beginnings of a picture are refused, and none is another failure."""
    whole = picture()
    for end in range(12, len(whole)):
        with pytest.raises(AttachmentError):
            attach(whole[:end])


@pytest.mark.parametrize(
    "data, words",
    [
        (png()[:50] + b"X" + png()[51:], "checksum"),
        (png(0, 3), "no width or no height"),
        (png(claims=(50_000, 50_000)), "claims to have 50,000 times 50,000 pixels"),
        (jpeg()[:15] + b"XX" + jpeg()[15:], "parts are damaged"),
        (segment(0xD8, b"")[:2] + b"\xff\xd9", "contains no image"),
        (gif()[:19] + b"\x99" + gif()[20:], "blocks are damaged"),
        (webp().replace(b"VP8L", b"XXXX"), "contains no image"),
    ],
)
def test_a_broken_picture_is_refused(data, words):
    """Its structure is looked at, without a library that unpacks pictures."""
    with pytest.raises(AttachmentError, match=words):
        attach(data)


@pytest.mark.parametrize("order", "<>")
def test_the_place_of_a_photograph_is_removed(order):
    """Nothing of it stays in the bytes, the picture and which side is up do; the attachment says so."""
    made = attach(jpeg(4, 3, exif(order, has_place=True)) + b"behind its end: PLACE")
    assert made.data is not None
    assert b"PLACE" not in made.data
    assert (made.note, made.width) == ("location removed", 4)
    assert struct_of(made.data) == ["<side 6>", "picture"]
    plain = jpeg(4, 3, exif(order, has_place=True, orientation=None))
    assert struct_of(attach(plain).data or b"") == ["picture"]


def struct_of(data: bytes) -> list[str]:
    """Return what is in a JPEG of ours."""
    side = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06"
    return [*(["<side 6>"] if side in data else []), "picture" if data.endswith(jpeg()[2:]) else "?"]


@pytest.mark.parametrize(
    "data",
    [jpeg(), jpeg(4, 3, exif("<", has_place=False)), jpeg(4, 3, segment(0xE1, b"http://ns.adobe.com/xap"))],
)
def test_a_photograph_without_a_place_stays_as_it_is(data):
    """To the byte."""
    made = attach(data)
    assert (made.data, made.note) == (data, None)


@pytest.mark.parametrize("body", [b"Exif\0\0MM", b"http://ns.adobe.com/xap/1.0/\0<exif:GPSLatitude>"])
def test_what_may_tell_the_place_is_removed(body):
    """Also where it cannot be read, or stands in another form."""
    assert attach(jpeg(4, 3, segment(0xE1, body))).data == jpeg()


def test_attachments_and_stored_parts_are_attachments():
    """What is one stays as it is, with another name where one is given; bytes that are stored need not come again."""
    made = attach(png(), name="a.png")
    assert attach(made) == made
    assert attach(made.part) == made
    again = attach(made, name="b.png", detail="low")
    assert (again.name, again.detail, again.data) == ("b.png", "low", made.data)
    stored = {"type": "image", "media_type": "image/png", "blob": "ab" * 32, "size": 3, "width": 4}
    assert (attach(stored).part, attach(stored).hash) == (stored, "ab" * 32)


def test_so_much_goes_with_one_message():
    """Each may be large; all together have a limit of their own."""
    part = {"type": "file", "size": MAX_BYTES}
    check_together([part, part])
    with pytest.raises(AttachmentError, match="60 MB together"):
        check_together([part, part, part])


class Shows:
    """Shows itself as it was told to."""

    def __init__(self, **forms: object) -> None:
        for name, form in forms.items():
            setattr(self, f"_repr_{name}_", lambda form=form: form)


@pytest.mark.parametrize(
    "shown, media_type",
    [
        (Shows(png=png()), "image/png"),
        (Shows(png=base64.b64encode(png()).decode()), "image/png"),
        (Shows(png=None, jpeg=(jpeg(), {"width": 3})), "image/jpeg"),
        (io.BytesIO(png()), "image/png"),
    ],
)
def test_what_shows_itself_is_attached_as_it_shows_itself(shown, media_type):
    """Whatever class it is of."""
    assert attach(shown).media_type == media_type


def test_what_fails_to_show_itself_is_refused():
    """The error names what went wrong in the user's class."""

    class Fails:
        def _repr_png_(self) -> bytes:
            raise RuntimeError("no display")

    with pytest.raises(
        AttachmentError, match="Fails cannot be attached: it failed with RuntimeError: no display"
    ):
        attach(Fails())


def test_figures_and_pictures_and_arrays_are_images():
    """Of matplotlib, Pillow, numpy and IPython."""
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    import numpy as np
    from IPython.display import Audio, Image
    from matplotlib.figure import Figure
    from PIL import Image as Pillow

    figure = Figure()
    axes = figure.subplots()
    grey = np.zeros((3, 4), np.uint8)
    assert attach(figure).part["name"] == "figure.png"
    assert attach(axes, name="a.png").data == attach(figure).data
    assert attach(figure).data == attach(figure).data
    for value in (grey, np.zeros((3, 4, 3), np.uint8), Pillow.fromarray(grey), Pillow.new("CMYK", (4, 3))):
        made = attach(value)
        assert (made.media_type, made.width, made.height) == ("image/png", 4, 3)
    assert attach(Image(data=png())).media_type == "image/png"
    assert attach(Image(url="https://example.com/a.png")).url == "https://example.com/a.png"
    assert attach(Audio(data=wav(), rate=8000)).kind == "audio"
    for wrong in (np.zeros((3, 4)), np.zeros((3, 4, 2), np.uint8), np.zeros(3, np.uint8)):
        with pytest.raises(AttachmentError, match="an image is uint8"):
            attach(wrong)


def test_an_array_needs_a_library_for_pictures(monkeypatch):
    """The error names it."""
    np = pytest.importorskip("numpy")
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(AttachmentError, match="needs the package Pillow: `pip install pillow`"):
        attach(np.zeros((3, 4), np.uint8))


def test_frames_are_csv_up_to_200_kb():
    """With an index that says something; a longer one is refused with its size."""
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1, 2]})
    made = attach(frame)
    assert (made.kind, made.media_type, made.name, made.data) == (
        "file",
        "text/csv",
        "table.csv",
        b"a\n1\n2\n",
    )
    assert attach(frame.set_index("a").assign(b=3)).data == b"a,b\n1,3\n2,3\n"
    assert attach(pandas.Series([1, 2], name="s")).data == b"s\n1\n2\n"
    with pytest.raises(AttachmentError, match=r"This DataFrame is 589 kB as CSV \(100,000 rows\)"):
        attach(pandas.DataFrame({"a": range(100_000)}))


def test_nothing_is_loaded_to_know_an_object():
    """Whoever attaches a path does not wait for a library of pictures or frames."""
    code = (
        "import sys; from langswarm_nb.core.session.attachments.attaching import attach\n"
        f"attach({png()!r}); attach(b'text'); attach('https://example.com/a.png')\n"
        "try: attach(object())\nexcept ValueError: pass\n"
        "print(sorted({'PIL', 'numpy', 'pandas', 'matplotlib', 'httpx', 'IPython'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY
    )
    assert done.stdout.strip() == "[]"


def test_a_detail_is_low_or_high_and_of_images():
    """It is not kept for other things."""
    assert attach(png(), detail="low").part["detail"] == "low"
    assert attach(b"text", detail="low").detail is None
    with pytest.raises(AttachmentError, match="'low' or 'high'"):
        attach(png(), detail="medium")  # type: ignore[arg-type]


def test_names_are_data():
    """They stand on one line, whatever they hold, and lead nowhere."""
    made = attach(png(), name="..\\..\n/etc/<b>\x1b[31mred\u202e.png")
    assert made.name is not None
    assert "/" not in made.name
    assert made.name.isprintable()
    assert len(attach(png(), name="a" * 9999).name or "") <= attaching._NAME_CHARS
