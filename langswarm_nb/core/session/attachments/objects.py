"""Bytes of what a notebook holds: figures, pictures, arrays, frames; nothing is imported to know them."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeAlias

from langswarm_nb.core.session.errors import AttachmentError, in_words
from langswarm_nb.core.session.parts.twins import size_text
from langswarm_nb.core.session.text import class_name

MAX_FRAME_BYTES = 200_000
_OF_IPYTHON = ("IPython.core.display", "IPython.lib.display")
_CHANNELS = (3, 4)
_FLAT, _DEEP = 2, 3


class Found(NamedTuple):
    """What an object stands for."""

    data: bytes | None
    name: str
    source: str | None = None
    """A path or an address, where it names one in place of bytes."""


Reader: TypeAlias = "Callable[[Any], Found | None]"


def bytes_of_value(value: object) -> Found | None:
    """Return the bytes that an object stands for; None for an object that stands for none.

    Raises
    ------
    AttachmentError
        It is too large, or its own methods fail.
    """
    for read in _READERS:
        try:
            found = read(value)
        except AttachmentError:
            raise
        except Exception as error:  # the methods of the user's object may do anything
            raise AttachmentError(
                f"This {class_name(value)} cannot be attached: it failed with {in_words(error).rstrip('.')}. "
                "Save it to a file, and attach that."
            ) from error
        if found is not None:
            return found
    return None


def _shown_by_notebook(value: Any) -> Found | None:
    """Read ``Image`` and ``Audio`` of IPython.display: bytes, or where they are."""
    if not any(cls.__module__ in _OF_IPYTHON for cls in type(value).__mro__):
        return None
    data = getattr(value, "data", None)
    source = getattr(value, "filename", None) or getattr(value, "url", None)
    if isinstance(data, bytes):
        return Found(data, "")
    return Found(None, "", str(source)) if source else None


def _frame(value: Any) -> Found | None:
    """Read a frame or a series, of pandas or of a library like it, as CSV."""
    name = class_name(value)
    if name not in ("DataFrame", "Series"):
        return None
    write = getattr(value, "to_csv", None)
    if callable(write):  # an index that only counts says nothing
        index = getattr(value, "index", None)
        is_plain = type(index).__name__ == "RangeIndex" and getattr(index, "name", None) is None
        text = write(index=not is_plain)
    elif callable(write := getattr(value, "write_csv", None)):
        text = write()
    elif callable(getattr(value, "to_frame", None)):
        return _frame(value.to_frame())
    else:
        return None
    data = text.encode()
    if len(data) > MAX_FRAME_BYTES:
        rows = len(value)
        raise AttachmentError(
            f"This {name} is {size_text(len(data))} as CSV ({rows:,} rows), more than the "
            f"{size_text(MAX_FRAME_BYTES)} that can be attached. Attach a part or a summary of it."
        )
    return Found(data, "table.csv")


def _picture(value: Any) -> Found | None:
    """Read an image of Pillow."""
    pillow = sys.modules.get("PIL.Image")
    if pillow is None or not isinstance(value, pillow.Image):
        return None
    if value.mode not in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"):
        value = value.convert("RGB")
    out = io.BytesIO()
    value.save(out, format="PNG")
    return Found(out.getvalue(), "image.png")


def _array(value: Any) -> Found | None:
    """Read an array of pixels."""
    numpy = sys.modules.get("numpy")
    if numpy is None or not isinstance(value, numpy.ndarray):
        return None
    is_picture = value.ndim == _FLAT or (value.ndim == _DEEP and value.shape[2] in _CHANNELS)
    if value.dtype != numpy.uint8 or not is_picture or not value.size:
        shape = " x ".join(map(str, value.shape))
        raise AttachmentError(
            f"An array of {value.dtype} and shape {shape} cannot be attached: an image is uint8, of shape H x W, "
            "H x W x 3 or H x W x 4. Convert it, or plot it and attach the figure."
        )
    try:
        from PIL import Image
    except ImportError:
        raise AttachmentError(
            "Attaching an array as an image needs the package Pillow: `pip install pillow`, or plot the array and "
            "attach the figure."
        ) from None
    return _picture(Image.fromarray(value))


def _figure(value: Any) -> Found | None:
    """Read a figure of matplotlib, or the figure that its axes belong to."""
    save = getattr(value, "savefig", None)
    if not callable(save) and hasattr(value, "get_figure"):
        value = value.get_figure()
        save = getattr(value, "savefig", None)
    if not callable(save) or isinstance(value, type(sys)):
        return None
    out = io.BytesIO()
    save(out, format="png", bbox_inches="tight")
    return Found(out.getvalue(), "figure.png")


def _displayed(value: Any) -> Found | None:
    """Read what an object shows itself as."""
    if isinstance(value, type):
        return None
    for ending in ("png", "jpeg"):
        show = getattr(value, f"_repr_{ending}_", None)
        shown = show() if callable(show) else None
        data = shown[0] if isinstance(shown, tuple) else shown
        if isinstance(data, str):
            from langswarm_nb.core.session.parts.blobs import bytes_of

            data = bytes_of("".join(data.split()))
        if isinstance(data, bytes) and data:
            return Found(data, f"image.{ending}")
    return None


def _stream(value: Any) -> Found | None:
    """Read bytes in memory that look like a file."""
    return Found(value.getvalue(), "") if isinstance(value, io.BytesIO) else None


_READERS: Iterable[Reader] = (_shown_by_notebook, _frame, _picture, _array, _figure, _displayed, _stream)
