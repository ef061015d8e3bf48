"""Cost: what the provider told, what was set here, what the price table says; else unknown, and never a guess."""

from __future__ import annotations

import random
import subprocess
import sys
import warnings
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from langswarm_nb.analysis import set_price, turns_df
from langswarm_nb.analysis.prices import Tokens, cost_of, find_price
from langswarm_nb.core.session import (
    MessageRole,
    RequestFacts,
    SessionMessage,
    SessionTypeError,
    SessionValueError,
    Usage,
)
from tests.support.paths import REPOSITORY

AT = datetime(2026, 11, 20, 13, 45, tzinfo=UTC)


async def stored(manager, *facts):
    """Return the turns of replies with these facts."""
    session = await manager.create_session("ada", "mock", "echo")
    messages = [SessionMessage(role=MessageRole.ASSISTANT, content="x", request=request) for request in facts]
    await manager.storage.append_messages(session.session_id, messages)
    return session.turns_df(branch="all")


def asked(provider="acme", model="m", cost_usd=None, at=AT, details=None, **usage):
    return RequestFacts(
        provider, model, model, at, 1.0, usage=Usage(**usage), cost_usd=cost_usd, details=details or {}
    )


async def test_a_set_price_counts_each_kind_of_token(manager):
    """Cached input has its own price, everything else of the input the input's; reasoning is output."""
    set_price("m", 2, 10, cache_read_usd_per_mtok=0.5)
    usage = {"input_tokens": 1_000_000, "cached_input_tokens": 400_000, "cache_write_tokens": 100_000}
    turns = await stored(manager, asked(**usage, output_tokens=200_000, reasoning_tokens=150_000))
    assert turns["cost_usd"].tolist() == [0.6 * 2 + 0.4 * 0.5 + 0.2 * 10]
    assert turns["cost_source"].tolist() == ["override"]


async def test_a_free_model_is_declared(manager):
    """`set_price(model, 0, 0)` makes the cost 0; nothing else does."""
    set_price("llama3", 0, 0)
    turns = await stored(manager, asked(model="llama3", input_tokens=5, output_tokens=5))
    assert turns["cost_usd"].tolist() == [0.0]


async def test_what_the_provider_told_wins(manager):
    """A reported cost is taken as it is, also 0."""
    set_price("m", 2, 10)
    turns = await stored(
        manager,
        asked(input_tokens=1_000_000, output_tokens=0, cost_usd=0.125),
        asked(input_tokens=1_000_000, output_tokens=0, cost_usd=0.0),
        asked(input_tokens=1_000_000, output_tokens=0),
    )
    assert turns["cost_usd"].tolist() == [0.125, 0.0, 2.0]
    assert turns["cost_source"].tolist() == ["provider", "provider", "override"]


async def test_an_unknown_price_is_na_with_one_warning_a_model(manager):
    """Never 0 and never a default; the warning names the model and the way to set its price."""
    facts = [asked(model=model, input_tokens=5, output_tokens=5) for model in ("new-1", "new-1", "new-2")]
    with pytest.warns(UserWarning, match=r"set_price\('new-") as found:
        turns = await stored(manager, *facts)
    assert turns["cost_usd"].isna().all()
    assert turns["cost_source"].isna().all()
    assert len([w for w in found if "price" in str(w.message)]) == 2
    assert {w.filename for w in found} == {__file__}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        turns_df(manager)


async def test_unknown_tokens_have_no_cost(manager):
    """A request without usage costs an unknown amount; counts that contradict each other too."""
    set_price("m", 2, 10)
    turns = await stored(
        manager,
        asked(),
        asked(input_tokens=5),
        asked(output_tokens=5),
        asked(input_tokens=5, cached_input_tokens=6, output_tokens=1),
    )
    assert turns["cost_usd"].isna().all()


async def test_a_price_for_one_provider_is_for_no_other(manager):
    """The provider's own price comes before the one for all."""
    set_price("m", 1, 0)
    set_price("m", 3, 0, provider="acme")
    facts = [asked(name, input_tokens=1_000_000, output_tokens=0) for name in ("acme", "other")]
    assert (await stored(manager, *facts))["cost_usd"].tolist() == [3.0, 1.0]


async def test_big_numbers_do_not_overflow(manager):
    """Absurd counts and prices still give the exact product."""
    set_price("m", 123.456789, 0.000001)
    turns = await stored(manager, asked(input_tokens=2**53, output_tokens=2**53))
    assert turns["cost_usd"].tolist() == [pytest.approx(2**53 * 123.45679 / 1e6)]


@pytest.mark.parametrize("price", [-1, float("nan"), float("inf")])
def test_a_wrong_price_is_refused(price):
    """Negative, NaN or infinite: an error that names the parameter."""
    with pytest.raises(SessionValueError, match="output_usd_per_mtok"):
        set_price("m", 1, price)
    with pytest.raises(SessionTypeError, match="input_usd_per_mtok"):
        set_price("m", "1", 1)  # type: ignore[arg-type]  # the point of the test


@pytest.mark.unmeasured
@pytest.mark.filterwarnings("ignore:The price of")
def test_every_price_of_the_table_is_the_tables():
    """For each model, service tier, size of input and time of day, we charge what genai-prices calculates."""
    prices = pytest.importorskip("genai_prices", reason="needs the extra cost", exc_type=ImportError)
    sizes = random.Random(20)
    wrong, compared = [], 0
    for provider in prices.data_snapshot.get_snapshot().providers:
        for model in provider.models:
            at = AT + timedelta(hours=sizes.choice([0, 11]))
            context = sizes.choice([(), (("service_tier", "flex"),), (("processing", "batch"),)])
            price = find_price(provider.id, model.id, model.id, at, context)
            for _ in range(2):
                sent = sizes.choice([0, 1, 1000, 128_000, 200_000, 200_001, 272_001, 1_000_000])
                read = sizes.randint(0, sent)
                tokens = Tokens(sent, read, sizes.randint(0, sent - read), sizes.choice([0, 7000]))
                usage = prices.Usage(
                    input_tokens=sent,
                    cache_read_tokens=read,
                    cache_write_tokens=tokens.cache_write,
                    output_tokens=tokens.output,
                )
                try:
                    told = prices.calc_price(
                        usage,
                        model.id,
                        provider_id=provider.id,
                        genai_request_timestamp=at,
                        price_context=dict(context) or None,
                    ).total_price
                except LookupError:
                    assert price is None
                    continue
                compared += 1
                usd = None if price is None else price.usd(tokens)
                if usd is None or float(usd) != pytest.approx(float(told), rel=1e-12):
                    wrong.append((provider.id, model.id, context, tokens))
    assert wrong == []
    assert compared > 500


async def test_the_table_is_used_for_the_day_and_the_tier(manager):
    """Costs of a frame are the table's, one by one: the request's day, tier and size of input."""
    prices = pytest.importorskip("genai_prices", reason="needs the extra cost", exc_type=ImportError)
    cases = [
        (AT - timedelta(days=day), tier, sent)
        for day in (0, 400)
        for tier in (None, "flex", "priority")
        for sent in (1000, 400_000)
    ]
    facts = [
        asked("openai", "gpt-6-sol", None, at, {"service_tier": tier}, input_tokens=sent, output_tokens=9)
        for at, tier, sent in cases
    ]
    turns = await stored(manager, *facts)
    told = [
        prices.calc_price(
            prices.Usage(input_tokens=sent, output_tokens=9),
            "gpt-6-sol",
            provider_id="openai",
            genai_request_timestamp=at,
            price_context={"service_tier": tier} if tier else None,
        ).total_price
        for at, tier, sent in cases
    ]
    assert turns["cost_usd"].tolist() == [pytest.approx(float(usd)) for usd in told]
    assert set(turns["cost_source"]) == {"table"}
    one_by_one: list[Any] = [cost_of(one) for one in facts]
    assert one_by_one == [(pytest.approx(float(usd)), "table") for usd in told]


def test_the_price_table_loads_late_and_without_pandas():
    """One reply's cost needs no pandas, and importing the analysis needs no price table."""
    program = """
import sys
import langswarm_nb.analysis
from langswarm_nb.analysis.prices import cost_of
print(sorted({"pandas", "numpy", "genai_prices"} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=REPOSITORY
    )
    assert done.stdout.strip() == "[]"


def test_without_the_price_table_prices_can_still_be_set():
    """The package genai-prices is optional: costs are NA, the warning says what to install, `set_price` works."""
    program = """
import sys, warnings
sys.modules["genai_prices"] = None
from datetime import UTC, datetime
from langswarm_nb.analysis.prices import find_price, set_price
with warnings.catch_warnings(record=True) as found:
    warnings.simplefilter("always")
    assert find_price("openai", "gpt-4o", "gpt-4o", datetime.now(UTC)) is None
    assert "langswarm-nb[cost]" in str(found[0].message)
set_price("gpt-4o", 1, 2)
assert find_price("openai", "gpt-4o", "gpt-4o", datetime.now(UTC)) is not None
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=REPOSITORY
    )
    assert (done.returncode, done.stderr) == (0, "")


async def test_estimates_are_asked_for_and_marked(manager):
    """Without `estimate` unknown tokens stay NA; with it a quarter of the characters, marked, and priced."""
    set_price("m", 1, 1)
    session = await manager.create_session("ada", "mock", "echo")
    question = SessionMessage(content="q" * 400)
    reply = SessionMessage(role=MessageRole.ASSISTANT, content="a" * 40, request=asked())
    again = SessionMessage(content="w" * 100)
    counted = SessionMessage(
        role=MessageRole.ASSISTANT, content="b" * 8, request=asked(input_tokens=7, output_tokens=None)
    )
    await manager.storage.append_messages(session.session_id, [question, reply, again, counted])
    plain = session.turns_df()
    assert plain["output_tokens"].isna().all()
    assert plain["tokens_source"].isna().all()
    filled = session.turns_df(estimate=True)
    assert filled["input_tokens"].tolist() == [100, 7]
    assert filled["output_tokens"].tolist() == [10, 2]
    assert filled["tokens_source"].tolist() == ["estimate", "estimate"]
    assert filled["cost_usd"].tolist() == [110 / 1e6, 9 / 1e6]


async def test_the_ratio_is_learnt_from_what_was_counted(manager):
    """After 20 counted replies of a model its own tokens per character are used, for its texts only."""
    session = await manager.create_session("ada", "mock", "echo")
    counted = [
        SessionMessage(
            role=MessageRole.ASSISTANT, content="a" * 10, request=asked(input_tokens=1, output_tokens=8)
        )
        for _ in range(20)
    ]
    await manager.storage.append_messages(session.session_id, counted)
    for model in ("m", "other"):
        unknown = SessionMessage(role=MessageRole.ASSISTANT, content="a" * 100, request=asked(model=model))
        await manager.storage.append_messages(session.session_id, [unknown])
    with pytest.warns(UserWarning, match="price"):
        tokens = session.turns_df(estimate=True).set_index("request_model")["output_tokens"]
    assert tokens["m"].tolist() == [8] * 20 + [80]
    assert tokens["other"] == 25


@pytest.mark.parametrize(
    "provider, model, tokens, usd",
    [
        ("openai", "gpt-6-luna", 1_000_000, 0.2),
        ("openai", "gpt-6-luna-2026-10-01", 200_000, 0.02),
        ("gemini", "gemini-decision-1", 200_000, 0.02),
        ("acme", "decider", 200_000, None),
    ],
)
async def test_decisions_have_prices_of_their_own(manager, provider, model, tokens, usd):
    """Only input costs, cached input as much as other; a price that nobody knows is none."""
    facts = asked(
        provider,
        model,
        details={"processing": "decisions"},
        input_tokens=tokens,
        cached_input_tokens=9,
        output_tokens=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        turns = await stored(manager, facts)
        told = cost_of(facts)
    assert (None if told is None else told[0]) == (None if usd is None else pytest.approx(usd))
    assert turns["cost_usd"].isna()[0] if usd is None else turns["cost_usd"][0] == pytest.approx(usd)
