"""Conversations out of the store and into it: files for people, for programs, for spreadsheets and for training."""

from .csv import safe_csv
from .exporting import FORMATS, export
from .importing import import_sessions
from .parquet import export_parquet
from .redaction import redact

__all__ = ["FORMATS", "export", "export_parquet", "import_sessions", "redact", "safe_csv"]
