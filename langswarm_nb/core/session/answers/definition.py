"""`Definition`: a text that many messages refer to, kept once under its hash."""

from __future__ import annotations

from typing import NamedTuple


class Definition(NamedTuple):
    """A text that is kept once, however many messages refer to it."""

    kind: str
    """What it defines, such as ``schema``."""
    name: str
    body: str

    @property
    def hash(self) -> str:
        """SHA-256 of `body`, in hexadecimal."""
        from hashlib import sha256  # it loads OpenSSL

        return sha256(self.body.encode()).hexdigest()
