"""Thumbnails: small in pixels and bytes, of pictures alone, and never made twice."""

from __future__ import annotations

import builtins
import hashlib
import io
import random

import pytest
from PIL import Image

from langswarm_nb.render import thumbnails
from langswarm_nb.render.thumbnails import made_before, picture_type, thumbnail
from tests.support.drawn import bomb, picture

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>window.pwned=1</script></svg>'


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "WEBP"])
def test_a_small_picture_is_its_own_thumbnail(form: str):
    """Of few bytes nothing is made anew."""
    data = picture(form)
    assert thumbnail(data, f"image/{form.lower()}") == (f"image/{form.lower()}", data)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("form", ["PNG", "WEBP"])
@pytest.mark.parametrize("side, most_bytes", [(320, 64_000), (128, 8_000)])
def test_a_large_picture_becomes_small(form: str, mode: str, side: int, most_bytes: int):
    """Even noise, with holes and without, fits the pixels and the bytes that it may have."""
    data = picture(form, (900, 500), mode=mode, noise=True)
    made = thumbnail(data, f"image/{form.lower()}", side=side, most_bytes=most_bytes)
    assert made is not None
    assert len(made[1]) <= most_bytes
    assert picture_type(made[1]) == made[0]
    assert max(Image.open(io.BytesIO(made[1])).size) <= side


def test_a_thumbnail_stands_upright():
    """The side that a camera notes is taken into the thumbnail, which has no notes."""
    file = io.BytesIO()
    note = Image.Exif()
    note[0x0112] = 6
    Image.frombytes("RGB", (400, 200), random.Random(1).randbytes(240_000)).save(file, "JPEG", exif=note)
    made = thumbnail(file.getvalue(), "image/jpeg")
    assert made is not None
    width, height = Image.open(io.BytesIO(made[1])).size
    assert width < height


@pytest.mark.parametrize(
    "data, media_type",
    [
        (SVG, "image/svg+xml"),
        (SVG, "image/png"),
        (picture("PNG"), "image/jpeg"),
        (picture("PNG"), "text/html"),
        (b"", "image/png"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\x89PNG\r\n\x1a\n" + b"x" * 30_000, "image/png"),
        (picture("JPEG", (900, 500), noise=True)[:30_000] + b"\0" * 9, "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8X", "image/webp"),
        (bomb(), "image/png"),
        (bomb() + b"\0" * 30_000, "image/png"),
    ],
)
def test_what_is_no_good_picture_has_no_thumbnail(data: bytes, media_type: str):
    """SVG, a lie about the type, a broken file and one of a billion pixels."""
    assert thumbnail(data, media_type) is None


def test_a_thumbnail_is_made_once(monkeypatch: pytest.MonkeyPatch):
    """The second time it is there, by its hash alone too, also when there could be none."""
    data = picture("PNG", (600, 600), noise=True)
    key = hashlib.sha256(data).hexdigest()
    assert made_before(key) == ()
    made = thumbnail(data, "image/png")
    broken = data[:40_000]
    assert thumbnail(broken, "image/png") is None
    monkeypatch.setattr(thumbnails, "_made", lambda *_: pytest.fail("made again"))
    assert thumbnail(data, "image/png") is made
    assert made_before(key) == (made,)
    assert thumbnail(broken, "image/png") is None


def test_what_is_kept_is_bounded():
    """Thumbnails of thousands of pictures do not fill the memory: the oldest leave."""
    kept = thumbnails._Made()
    for number in range(2_000):
        kept.get_or_make((str(number), 8, 8_000), b"broken", "image/png")
    assert kept.get(("0", 8, 8_000)) == ()
    assert kept.get(("1999", 8, 8_000)) == (None,)


def test_without_pillow_large_pictures_have_none(monkeypatch: pytest.MonkeyPatch):
    """Pillow is not needed: what is small is shown, the rest has words alone."""
    real = builtins.__import__

    def without(name: str, *rest: object, **more: object) -> object:
        if name.startswith("PIL"):
            raise ImportError(name)
        return real(name, *rest, **more)  # type: ignore[arg-type]

    large, small = picture("PNG", (400, 400), noise=True), picture("PNG")
    monkeypatch.setattr(builtins, "__import__", without)
    assert thumbnail(large, "image/png") is None
    assert thumbnail(small, "image/png") == ("image/png", small)
