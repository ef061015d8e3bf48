"""What secrets and personal identifiers look like, precisely enough to leave code, logs and numbers alone."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from langswarm_nb.core.session.key_patterns import BEGINNINGS, FORMS, JWT

_SECRETS = (
    r"(?:api[_-]?key|access[_-]?key|secret[_-]?key|client[_-]?secret|secret|passwd|password|passphrase|credential)s?"
    r"|authorization|(?:access|auth|refresh|bearer|api|session|secret)[_-]?token"
)
IS_SECRET = re.compile(rf"(?i:[\w-]*(?:{_SECRETS}))")
"""The name of a field that holds a secret, whatever it looks like."""
IS_TOKEN = re.compile(r"(?i:[\w-]*token)")
"""The name of a field that holds a secret, or a piece of text; what it looks like decides."""


class Rule(NamedTuple):
    """One kind of what is taken out."""

    name: str
    pattern: re.Pattern[str]
    """Its group ``value`` is what goes; without such a group, all that it finds."""
    is_meant: Callable[[re.Match[str]], bool]


# -- keys and passwords


_WORD = re.compile(
    r"(?:[A-Za-z][a-z]{0,13}(?:[A-Z]{1,5}[a-z]{0,13}){0,4}|[A-Z]{1,14})?\d{0,4}|\d{1,4}[a-z]{1,2}"
)

_NUMBER = re.compile(r"[+-]?(?:0[xXbBoO][\dA-Fa-f_]+|[\d_.]+(?:[eE][+-]?\d+)?[jJLnFfuU]*)")


def is_random(text: str) -> bool:
    """Return whether a text is made of letters and digits as no name, version, date or number is.

    Examples
    --------
    >>> (
    ...     is_random("a81bc81b2dead5d6"),
    ...     is_random("derive_key_sha256"),
    ...     is_random("2026-11-22"),
    ...     is_random("100000"),
    ... )
    (True, False, False, False)
    """
    if _NUMBER.fullmatch(text) or not re.search(r"[A-Za-z]", text) or not re.search(r"\d", text):
        return False
    return not all(map(_WORD.fullmatch, re.split(r"[^A-Za-z0-9]+", text)))


_PLACEHOLDER = re.compile(
    r"[<{$%\[(].*|.*[{}].*|[*.•xX_-]+|[A-Z][A-Z0-9]*_[A-Z0-9_]+"
    r"|(?i:str|string|text|bool|boolean|number|integer|none|null|true|false|undefined|required|optional|hidden)"
    rf"|(?i:.*\b(?:[\w-]*(?:{_SECRETS}|token)s?)\b.*)|.*(?:environ|getenv|redacted).*",
    re.DOTALL,
)


def is_placeholder(text: str) -> bool:
    """Return whether a text stands where a secret will be: a type, a template, the name of a variable, a label."""
    return len(text.strip()) < _LEAST_CHARS or _PLACEHOLDER.fullmatch(text.strip()) is not None


_LEAST_CHARS = 4


def _always(_found: re.Match[str]) -> bool:
    return True


def _has_random(found: re.Match[str]) -> bool:
    return is_random(found["value"])


def _is_literal(found: re.Match[str]) -> bool:
    return not is_placeholder(found["value"])


def _is_literal_of_token(found: re.Match[str]) -> bool:
    return is_random(found["value"]) and not is_placeholder(found["value"])


def _is_setting(found: re.Match[str]) -> bool:
    value = found["value"]
    return not is_placeholder(value) and not re.fullmatch(r"[\d_.,+-]+|[~./].*|[A-Z_]+", value)


def _is_basic(found: re.Match[str]) -> bool:
    """Return whether what follows "basic" is a name and a password in base64."""
    value = found["value"].rstrip("=")
    try:
        return b":" in base64.b64decode(value + "=" * (-len(value) % 4), validate=True)
    except (binascii.Error, ValueError):
        return False


def _is_login(found: re.Match[str]) -> bool:
    return not re.search(r"[{}<>$*]|%[({]", found[0])


_END = r"(?=[\s\"'`,;&)\]}]|\Z)"
_UNQUOTED = rf"(?P<value>[\w+/.~!#%^*=-]{{6,200}}+){_END}"
_KEYS = (
    Rule(
        "key",
        re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"),
        _always,
    ),
    Rule("token", re.compile(JWT), _always),
    Rule("key", re.compile(FORMS), _always),
    # Code may speak of `sk-learn` and `tok_embeddings_2`; a key has digits as no name has.
    Rule("key", re.compile(rf"(?P<value>(?:{BEGINNINGS}|\b(?:npm|pypi)[-_])[\w-]{{12,}})"), _has_random),
    Rule("token", re.compile(r"(?i:\bbearer\s+)(?P<value>[\w.~+/=-]{12,})"), _has_random),
    Rule("token", re.compile(r"(?i:\bbasic\s+)(?P<value>[\w+/=-]{12,})"), _is_basic),
    Rule("password", re.compile(r"(?<=://)[^\s/:@]{1,200}:[^\s/@]{1,200}(?=@)"), _is_login),
    Rule(
        "secret",
        re.compile(
            rf"(?i:(?:{_SECRETS})\b[\"']?\s*[=:]\s*)[rbfRBF]?([\"'`])(?P<value>(?:(?!\1)[^\n]){{1,500}})\1"
        ),
        _is_literal,
    ),
    Rule(
        "secret",
        re.compile(
            r"(?i:token\b[\"']?\s*[=:]\s*)[rbRB]?([\"'`])(?P<value>[\w+/.~=-]{12,500}+)\1"
        ),
        _is_literal_of_token,
    ),
    # A line of a file of settings, `export NAME=value`, in which nothing is code.
    Rule(
        "secret",
        re.compile(
            rf"(?m:^[ \t]*(?:(?i:export|set)[ \t]+)?(?-i:[A-Z0-9_]*)(?:{_SECRETS.upper()}|TOKEN)=){_UNQUOTED}"
        ),
        _is_setting,
    ),
    Rule("secret", re.compile(rf"(?i:(?:{_SECRETS}|token)[ \t]*[=:][ \t]*){_UNQUOTED}"), _has_random),
)  # fmt: skip


# -- personal identifiers

_COUNTRIES = (
    "ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo br bs bt bw by bz ca cc cd "
    "cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee eg er es et eu fi fj fk fm fo fr ga gb gd "
    "ge gf gg gh gi gl gm gn gp gq gr gs gt gu gw gy hk hm hn hr ht hu id ie il im in io iq ir is it je jm jo jp ke kg "
    "kh ki km kn kp kr kw ky kz la lb lc li lk lr ls lt lu lv ly ma mc md me mg mh mk ml mm mn mo mp mq mr ms mt mu mv "
    "mw mx my mz na nc ne nf ng ni nl no np nr nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw py qa re ro rs ru rw sa "
    "sb sc sd se sg sh si sk sl sm sn so sr ss st su sv sx sy sz tc td tf tg th tj tk tl tm tn to tr tt tv tw tz ua ug "
    "uk us uy uz va vc ve vg vi vn vu wf ws ye yt za zm zw"
)
_GENERIC = (
    "com org net edu gov mil int info biz name pro aero asia cat coop jobs mobi museum post tel travel academy agency "
    "app art bank berlin blog business care center chat church city cloud club codes community company computer "
    "consulting dev digital doctor earth education email energy engineering expert family finance foundation fund "
    "global gmbh group guru health help hospital house institute international law legal life live love ltd "
    "media money network news ngo ninja nyc one ong online page paris partners press plus rocks school science shop "
    "services site social software solutions space store studio systems team tech technology today tokyo tools top "
    "university vip wien wiki work works world xyz zone"
)
ENDINGS = frozenset(f"{_COUNTRIES} {_GENERIC}".split())
"""Of domains in which people have addresses. Not those that are words of code, such as ``.map`` and ``.data``."""


def _is_email(found: re.Match[str]) -> bool:
    ending = found["ending"].lower()
    # `git@host:path` names a machine, as does what stands in an address of ours.
    is_machine = found["local"].lower() in ("git", "hg", "svn")
    return not is_machine and (ending in ENDINGS or ending.startswith("xn--") or not ending.isascii())


_ISSUERS = re.compile(
    r"4(?:\d{15}|\d{18})"  # Visa
    r"|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}"  # Mastercard
    r"|3[47]\d{13}"  # American Express
    r"|(?:6011|64[4-9]\d|65\d\d|60\d\d|81\d\d|82\d\d|508\d)\d{12}"  # Discover, RuPay
    r"|(?:30[0-5]|36\d|3[89]\d)\d{11}"  # Diners
    r"|35(?:2[89]|[3-8]\d)\d{12}"  # JCB
    r"|62\d{14,17}"  # UnionPay
    r"|220[0-4]\d{12}"  # Mir
    r"|(?:5018|5020|5038|5893|6304|6759|676[1-3])\d{8,15}"  # Maestro
)


def _luhn(digits: str) -> bool:
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0  # noqa: PLR2004 - the algorithm's


def _is_card(found: re.Match[str]) -> bool:
    digits = re.sub(r"\D", "", found[0])
    return _ISSUERS.fullmatch(digits) is not None and len(set(digits)) > 1 and _luhn(digits)


_IBAN_CHARS: Mapping[str, int] = {
    country: int(chars)
    for chars, countries in re.findall(
        r"(\d\d) ([A-Z ]+)",
        "15 NO 16 BE 18 DK FI FO GL NL 19 MK SI 20 AT BA EE KZ LT LU XK 21 CH HR LI LV 22 BG BH CR DE GB GE IE ME RS "
        "22 VA 23 AE GI IL IQ TL 24 AD CZ ES MD PK RO SA SE SK TN VG 25 LY PT ST 26 IS TR 27 FR GR IT MC MR SM "
        "28 AL AZ BY CY DO GT HU LB PL SV 29 BR EG PS QA UA 30 JO KW MU 31 MT SC 32 LC",
    )
    for country in countries.split()
}


def _is_iban(found: re.Match[str]) -> bool:
    plain = found[0].replace(" ", "")
    moved = plain[4:] + plain[:4]
    is_long_enough = len(plain) == _IBAN_CHARS.get(plain[:2])
    return is_long_enough and int("".join(str(int(char, 36)) for char in moved)) % 97 == 1


_PERSONAL = (
    Rule(
        "email",
        re.compile(
            r"(?<![\w.+-])(?<!://)(?P<local>\w[\w.+-]{0,63})@(?:[^\W_](?:[^\W_]|-){0,62}\.)+"
            r"(?P<ending>xn--[a-z0-9-]{2,50}+|[^\W\d_]{2,24}+)(?![\w(\[]|[.@-]\w|:[\w.~-]{0,99}/)"
        ),
        _is_email,
    ),
    # All digits in a row, or in the groups of the card; no part of a longer number, of an amount or of a time.
    Rule(
        "card",
        re.compile(
            r"(?<![\w.+])(?<!\d[,:/ -])"
            r"(?:\d{4}(?P<gap>[ -])\d{4}(?P=gap)\d{4}(?P=gap)\d{4}(?:(?P=gap)\d{3})?"
            r"|\d{4}(?P<gap_of_3>[ -])\d{6}(?P=gap_of_3)\d{4,5}|\d{12,19}+)(?!\w)(?![.,:/ -]\d)"
        ),
        _is_card,
    ),
    Rule(
        "iban", re.compile(r"\b[A-Z]{2}\d{2}(?: ?[0-9A-Z]{4}){2,7}(?: ?[0-9A-Z]{1,4})?\b"), _is_iban
    ),
)  # fmt: skip
RULES: tuple[Rule, ...] = (*_KEYS, *_PERSONAL)
