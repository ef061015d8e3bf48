"""How long a test waits for what has to come: longer than a machine needs that does twenty other things."""

from __future__ import annotations

PATIENCE_S = 120
"""Seconds after which a test that waits gives up; only a test that fails ever waits so long.

A shorter wait needs a comment `# short on purpose: why`, see `test_waits.py`.
"""
PATIENCE_MS = PATIENCE_S * 1000
"""The same for Playwright, which counts in milliseconds."""
