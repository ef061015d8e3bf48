"""What goes with a prompt: paths, addresses, variables, outputs of cells, from the words of the first line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError

from langswarm_nb.core.session.attachments.attaching import attach, check_together
from langswarm_nb.core.session.attachments.attachment import Attachment
from langswarm_nb.core.session.parts.blobs import bytes_of

from .interpolate import named_value

if TYPE_CHECKING:
    from langswarm_nb.core.session.parts.vocabulary import Part
    from langswarm_nb.notebook.workspace import Workspace

    from .options import CellOptions

OUTPUT_OF_CELL = "cell"
"""Word for what the cell run before put out."""
_OUT = re.compile(r"Out\[\s*(\d+)\s*\]")


def carried(workspace: Workspace, options: CellOptions) -> tuple[Part, ...]:
    """Return what goes with a prompt beside its text, as parts of its message.

    Raises
    ------
    UsageError
        A variable or an output is not there.
    AttachmentError
        Something cannot be attached.
    """
    parts = [part for word in options.attachments for part in _parts(workspace, word, options)]
    check_together(parts)
    return tuple(parts)


def _parts(workspace: Workspace, word: object, options: CellOptions) -> list[Part]:
    if isinstance(word, str) and word == OUTPUT_OF_CELL:
        return _output(workspace, options)
    found, name = _value(workspace, word)
    made = attach(found, detail=options.detail)
    if name is not None and made.url is None and not isinstance(found, (str, Attachment)):
        made = attach(made, name=_file_name(name, made))
    return [made.part]


def _value(workspace: Workspace, word: object) -> tuple[object, str | None]:
    """Return what a word stands for, and what it calls that."""
    if not isinstance(word, str):
        return word, None
    names = workspace.shell.user_ns
    if word.startswith("{{"):
        return named_value(word, names), word.strip("{} ")
    if match := _OUT.fullmatch(word):
        outputs: dict[int, Any] = names.get("Out", {})
        if int(match[1]) not in outputs:
            known = ", ".join(f"Out[{number}]" for number in list(outputs)[-5:])
            raise UsageError(
                f"-a {word}: that cell returned nothing{f'; there are {known}' if known else ''}."
            )
        return outputs[int(match[1])], f"Out-{match[1]}"
    variable = word.strip("{}$")
    if variable.isidentifier() and variable in names and not Path(word).exists():
        raise UsageError(
            f"-a {word}: there is no file of that name. To attach the variable, write -a {{{{{variable}}}}}."
        )
    return word, None


def _file_name(name: str, made: Attachment) -> str | None:
    """Return a name for what a variable holds, with the ending that it has by itself."""
    if made.name is None:
        ending = (made.media_type or "").partition("/")[2]
    else:
        if made.name.partition(".")[0] not in ("figure", "image", "table"):
            return None
        ending = made.name.rpartition(".")[2]
    plain = re.sub(r"\W+", "-", name).strip("-")
    return f"{plain}.{ending}" if ending.isalnum() else plain


def _output(workspace: Workspace, options: CellOptions) -> list[Part]:
    output = workspace.outputs.last()
    if output is None:
        raise UsageError("-a cell: no cell was run before this one, so there is no output to send.")
    about = f"In [{output.number}]" if output.number else "the cell before"
    text, pictures = output.text, output.pictures
    if not text and not pictures:
        raise UsageError(f"-a cell: {about} had neither text nor images as output.")
    if output.left_out:
        text += "\n… (more was left out)"
    told: list[Part] = [{"type": "context", "name": f"output of {about}", "text": text}] if text else []
    for number, picture in enumerate(pictures, 1):
        data = picture if isinstance(picture, bytes) else bytes_of("".join(picture.split()))
        name = "-".join(
            [
                "cell",
                *([str(output.number)] if output.number else []),
                *([str(number)] if len(pictures) > 1 else []),
            ]
        )
        made = attach(data, name=name, detail=options.detail)
        told.append(attach(made, name=f"{name}.{(made.media_type or '').partition('/')[2]}").part)
    return told
