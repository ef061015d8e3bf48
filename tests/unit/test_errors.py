"""What an error text shows of the value it speaks of."""

from __future__ import annotations

import pytest

from langswarm_nb.core.session.errors import SessionValueError, in_words, shown


@pytest.mark.parametrize("name", ["skywork-13b-base-v2", "tokenizer_config_x1", "api_compatible_thing"])
def test_a_name_that_begins_like_a_key_is_shown(name):
    """An error text shows the value it speaks of, unless it is a key."""
    assert name in shown(name)


@pytest.mark.parametrize(
    "key", ["sk-proj-abcdefgh", "gsk_abcdefghijkl", "hf_abcdefghijk", "AIzaSyA1234567890"]
)
def test_a_key_is_not_shown(key):
    """What has the form of a key is hidden, wherever it was put by mistake."""
    assert key not in shown(f"model {key}!")


class SpeechlessError(Exception):
    """An error that cannot say what it is about."""

    def __str__(self):
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    "error, words",
    [
        (SessionValueError("It is not allowed."), "It is not allowed."),
        (ValueError("bad\n  value"), "ValueError: bad value"),
        (TimeoutError(), "TimeoutError"),
        (SessionValueError(), "SessionValueError"),
        (SpeechlessError("x"), "SpeechlessError"),
        (OSError("key sk-proj-abcdefgh"), "OSError: key <hidden>"),
    ],
)
def test_every_error_has_words(error, words):
    """One line, never half a sentence, and no key."""
    assert in_words(error) == words
