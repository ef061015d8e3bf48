"""Redaction takes out secrets by their forms, leaves code, logs and numbers alone, and counts what it took out."""

from __future__ import annotations

import ast
import csv
import importlib
import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from langswarm_nb.analysis import export, import_sessions, messages_df, redact
from langswarm_nb.analysis.transfer.exporting import ExportedText
from langswarm_nb.analysis.transfer.redaction import Redactor
from langswarm_nb.analysis.transfer.secret_patterns import ENDINGS
from langswarm_nb.core.session import (
    MessageRole,
    SessionTypeError,
    create_session_manager,
)
from langswarm_nb.core.session.providers import create_provider
from tests.analysis.support import ANY_TEXT
from tests.support.waits import PATIENCE_S


@pytest.mark.parametrize(
    "secret",
    [
        "sk-proj-abc123DEF456ghi789JKL012",
        "sk-ant-api03-abcdef1234567890",
        "AIzaSyA1234567890abcdefghijklmnopqrstu",
        "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
        "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",
        "AKIAIOSFODNN7EXAMPLE",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc-def_123",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----",
        "ada.lovelace+x@example.co.uk",
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "4111111111111111",
        "3782 822463 10005",
        "5555-5555-5555-4444",
        "2223003122003222",
        "6011111111111117",
        "30569309025904",
        "3530 1113 3330 0000",
        "DE89 3704 0044 0532 0130 00",
        "GB29NWBK60161331926819",
        "jörg@müller.de",
    ],
)
def test_secrets_are_taken_out(secret):
    """Wherever they stand in a text; what is around them stays."""
    assert redact(f"before {secret} after").startswith("before [redacted ")
    assert redact(f"before {secret} after").endswith("] after")
    assert redact(f'{{"a": "{secret}"}}').count("[redacted") == 1


@pytest.mark.parametrize(
    "text, kept",
    [
        ("password = 'hunter two'", "password = '[redacted secret]'"),
        ('{"api_key": "abcdef"}', '{"api_key": "[redacted secret]"}'),
        ("export OPENAI_API_KEY=abcdef123", "export OPENAI_API_KEY=[redacted secret]"),
        ("Authorization: Bearer abcdef1234567890", "Authorization: Bearer [redacted token]"),
        ("https://ada:geheim@example.org/x", "https://[redacted password]@example.org/x"),
        ("x-api-key: abcdef123456\nnext", "x-api-key: [redacted secret]\nnext"),
        ("DB_PASSWORD=geheim\nDB_PORT=5432", "DB_PASSWORD=[redacted secret]\nDB_PORT=5432"),
        ("https://x.example/?token=a1b2c3d4e5f6&n=1", "https://x.example/?token=[redacted secret]&n=1"),
        ("Authorization: Basic YWRhOmdlaGVpbQ==", "Authorization: Basic [redacted token]"),
        ("const apiKey = `geheim!`;", "const apiKey = `[redacted secret]`;"),
    ],
)
def test_passwords_are_taken_out_where_they_are_set(text, kept):
    """The value goes, the name stays, so that the text can still be understood."""
    assert redact(text) == kept


@pytest.mark.parametrize(
    "text",
    [
        "The token count is 4096 and the secret of life is 42.",
        "4111 1111 1111 1112 is not a card, and 0000 0000 0000 0000 neither",
        "Order 1234567890123 of 2026-11-22T13:45:00",
        "DE88 3704 0044 0532 0130 00 has a wrong checksum, DE89 3704 0044 0532 0130 0000 is too long",
        "sk-learn and task-oriented, pk_something_long_without, tok_embeddings_2d_weight, pk_users_2024_01",
        "x = tokens[0]; password_field.clear()",
        "tokens = tokenizer.encode(text)",
        "model.generate(max_new_tokens=100000, eos_token_id=50256000)",
        "const token = getToken();",
        "let apiKey = process.env.API_KEY;",
        "`api_key=os.environ['OPENAI_API_KEY']`",
        'OpenAI(api_key=os.getenv("OPENAI_API_KEY"), token=args.token_2)',
        'api_key="YOUR_API_KEY"; pad_token = "<|endoftext|>"; password="{password}"; secret=\'*****\'',
        '{"password": {"type": "string"}, "secret": "boolean", "api_key": "", "token": "the"}',
        'label = {"password": "Your password:"}; def login(password: str = "", token: Token2 = None): ...',
        "secret = derive_key_sha256(salt); auth_token=request.headers['X-Auth']",
        "TOKEN=$TOKEN; export MAX_TOKENS=100000",
        "bearer authentication-required, Basic AuthenticationHandlerImpl",
        "postgres://{user}:{password}@{host}/db and http://localhost:8888/a@b",
        "1700000000004\n1700000000012\n{'time': 1647725122227}",
        "20260823000001\n20260823000019",
        "0.4111111111111111 4111111111111111.5 x4111111111111111 4111111111111111234567 1.4111-1111-1111-1111",
        "12:34:4111111111111111, 2026-4111111111111111 and 5 4111 1111 1111 1111",
        "W@x.flatten(); A@B.to(device); q@k.T @ v; m@n.at[0]; f@g.data",
        "git@github.com:ada/engine.git, ssh://git@github.com/ada, scp ada@host.example.com:notes/a.txt .",
        "npm i react@18.2.0 @babel/core@7.1.2; user@localhost; a@b.invalidity",
        ANY_TEXT,
    ],
)
def test_innocent_text_stays(text):
    """Numbers, code and prose that only look a little like secrets are left alone."""
    assert redact(text) == text


@pytest.mark.parametrize(
    "module",
    ["base64", "getpass", "hmac", "http.cookiejar", "netrc", "secrets", "shlex", "token", "tokenize"],
)
def test_code_stays(module):
    """In programs that speak of keys, tokens and passwords, nothing but their authors' addresses is taken out."""
    source = Path(importlib.import_module(module).__file__ or "").read_text("utf-8")
    take_out = Redactor()
    changed = take_out(source)
    assert set(take_out.counts) <= {"email"}
    ast.parse(changed)


NAMES = st.sampled_from(
    [
        "api_key",
        "apiKey",
        "x-api-key",
        "token",
        "tokens",
        "max_tokens",
        "access_token",
        "password",
        "secret",
        "credentials",
    ]
)
WORDS = st.from_regex(r"[a-z]{1,12}(_[a-z]{1,10}|[A-Z][a-z]{1,9}){0,2}\d{0,3}", fullmatch=True)
CODE = st.one_of(
    WORDS,
    st.integers(0, 10**9).map(str),
    st.floats(0, 1).map(str),
    st.builds("{}.{}".format, WORDS, WORDS),
    st.builds("{}({})".format, WORDS, WORDS),
    st.builds("{}['{}']".format, WORDS, WORDS),
    st.builds("[{}, {}]".format, WORDS, WORDS),
    st.builds("${{{}}}".format, WORDS),
)


@given(NAMES, st.sampled_from([" = ", "=", ": "]), CODE, st.sampled_from(["", ")", ";", ", x=1)", "\n"]))
def test_an_assignment_of_code_stays(name, sign, code, end):
    """What is set from a name, a number, a call or an element is not a secret, whatever it is called."""
    text = f"  {name}{sign}{code}{end}"
    assert redact(text) == text
    assert redact(f"f({text.strip()}") == f"f({text.strip()}"


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1)),  # noqa: DTZ001 - its zone comes below
    st.sampled_from(
        ["%Y%m%d%H%M%S", "%Y%m%d%H%M%S%f", "%Y-%m-%d %H:%M:%S.%f", "%d/%b/%Y:%H:%M:%S", "%Y%m%d%H%M"]
    ),
    st.sampled_from([1, 10**3, 10**6, 10**9]),
    st.sampled_from(["{}", "[{}] INFO 200", '{{"time": {}}}', "t={} ms", "{}, {}"]),
)
def test_moments_stay(moment, form, per_second, line):
    """Of one in ten the last digit is that of a card; no card begins so."""
    stamp = (
        int(moment.replace(tzinfo=UTC).timestamp()) * per_second + moment.microsecond * per_second // 10**6
    )
    for text in (moment.strftime(form), str(stamp)):
        assert redact(line.format(text, text)) == line.format(text, text)


@given(st.text(max_size=200))
def test_what_was_redacted_stays(text):
    """To redact twice is to redact once."""
    assert redact(redact(text)) == redact(text)


@pytest.mark.parametrize("ending", ["com", "de", "co.uk", "xn--p1ai", "рф", "info"])
def test_an_address_has_a_real_ending(ending):
    """Of a country, of those in use, or of another script; a word of code is none."""
    assert redact(f"to ada@mail.{ending}.") == "to [redacted email]."
    assert not {"map", "data", "dot", "zip", "to_list", "flatten"} & ENDINGS


def test_known_secrets_are_taken_out(monkeypatch):
    """A key that a provider of this process holds, or that the environment names, whatever it looks like."""
    key, other = "abcdefghijklmnopqrstuvwx", "zyx98wvu76"
    text = f"I use {key} and {other}, in code {key!r}."
    assert redact(text) == text
    provider = create_provider("openai", key)
    monkeypatch.setenv("TEAM_ACCESS_TOKEN", other)
    assert redact(text) == "I use [redacted key] and [redacted key], in code '[redacted key]'."
    assert redact(f"{key}s and un{other}") == f"{key}s and un{other}"
    del provider


async def test_what_was_redacted_is_counted(manager, tmp_path, monkeypatch, capsys):
    """By kind, on the result and in a line; where nothing was taken out, nothing is said."""
    monkeypatch.setenv("LANGSWARM_PROGRESS", "text")
    session = await manager.create_session("ada", "mock", "echo", title="Mail ada@example.org")
    await session.send_message("Hello")
    for form in ("jsonl", "json", "md", "html", "ipynb"):
        text = export(session, tmp_path / f"x.{form}")
        assert text.redacted == {"email": 1}
        assert "Redacted: 1 e-mail address. redact=False keeps everything.\n" in capsys.readouterr().err
    await session.send_message("Keys: sk-proj-abc123DEF456 and ghp_abc123DEF456ghi")
    text = export(session, format="md")
    assert (text.redacted, text.redacted_words) == ({"email": 1, "key": 4}, "1 e-mail address, 4 keys")
    assert export(session, format="csv").redacted == {"key": 4, "email": 4}
    assert export(session, tmp_path / "out", format="parquet").redacted["key"] == 4
    own = export(session, format="md", redact=lambda text: text.upper())
    assert set(own.redacted) == {"text"}
    capsys.readouterr()
    assert export(session, format="md", redact=False).redacted == {}
    assert capsys.readouterr().err == ""


async def test_exports_are_redacted_unless_told_otherwise(manager, tmp_path):
    """Texts, metadata, parts, errors and titles, in every form; ids and names stay so that it can be imported."""
    secret = "sk-proj-abc123DEF456ghi789JKL012"
    session = await manager.create_session(
        "ada",
        "mock",
        "echo",
        title=f"With {secret}",
        metadata={"k": [secret]},
        options={"headers": [secret]},
    )
    await session.send_message(f"My key is {secret}", metadata={"n": {"k": secret}})
    result = {"type": "tool_result", "tool_call_id": "c", "content": secret}
    await session.send_message("x", MessageRole.TOOL, parts=[result])
    for form in ("jsonl", "json", "md", "ipynb", "openai", "csv"):
        assert secret not in export(session, format=form)
        assert secret in export(session, format=form, redact=False)
    assert "<out>" in export(session, format="md", redact=lambda text: text.replace(secret, "<out>"))
    export(session, tmp_path / "out.jsonl")
    [copied] = import_sessions(tmp_path / "out.jsonl", manager)
    assert len((await manager.get_session(copied)).messages_df()) == 4


async def test_a_secret_is_known_by_its_name(manager):
    """A password in metadata goes in every form, whatever it looks like, and what is JSON stays JSON."""
    session = await manager.create_session("ada", "mock", "echo", metadata={"password": "plum", "n": "pear"})
    await session.send_message(
        "x",
        metadata={
            "api_key": 'a"plum"',
            "all": [{"passwords": ["plum"]}],
            "tokens": ["the", "pear"],
            "n": "pear",
        },
    )
    for form in ("jsonl", "json", "ipynb", "csv"):
        text = export(session, format=form)
        assert "plum" not in text
        assert form == "csv" or "pear" in text
    [row, *_] = csv.DictReader(io.StringIO(export(session, format="csv"), newline=""))
    assert json.loads(row["metadata_json"]) == {
        "api_key": "[redacted secret]",
        "all": [{"passwords": ["[redacted secret]"]}],
        "tokens": ["the", "pear"],
        "n": "pear",
    }


async def test_a_redaction_of_ones_own_leaves_the_structure(filled, tmp_path):
    """A function that changes every text changes no kind, id or status: what it made can be imported."""
    export(filled, tmp_path / "gone.jsonl", redact=lambda text: text and "gone")
    async with create_session_manager("memory") as other:
        import_sessions(tmp_path / "gone.jsonl", other)
        before, after = messages_df(filled, branch="all"), messages_df(other, branch="all")
        assert set(after.loc[after["content"] != "", "content"]) == {"gone"}
        for name in ("message_id", "role", "tool_call_id", "tool_name", "n_tool_calls", "finish_reason"):
            pd.testing.assert_series_equal(before[name], after[name], check_categorical=False)


@pytest.mark.parametrize("redaction", [None, 1, "yes"])
async def test_an_unclear_redaction_is_refused(manager, redaction):
    """Nothing but True, False or a function says what to take out; None is not taken for False."""
    with pytest.raises(SessionTypeError, match="redact"):
        export(manager, redact=redaction)


@pytest.mark.parametrize("piece", ["sk-", "eyJ-", "eyJabcdefgh.", "a@a.", "token='", "1 ", "A1B2 ", "://a:"])
@pytest.mark.timeout(PATIENCE_S)  # which the square of the work would outlast by far
def test_a_hostile_text_holds_nobody_up(piece):
    """The work of redaction grows with the text, not with its square, whatever the text begins again and again."""
    text = piece * (300_000 // len(piece))
    assert isinstance(redact(text), str)


def test_a_long_export_does_not_fill_the_page():
    """As the last value of a cell a short export is shown by its lines, escaped for terminals, a long one in words."""
    from IPython.lib.pretty import pretty

    assert pretty(ExportedText("# Title\n\ntext\x1b[2J", None)) == "# Title\n\ntext\\x1b[2J"
    assert pretty(ExportedText("x" * 52_311, None)) == "<exported text, 52,311 characters; print() it>"
