"""Parquet: a schema that never depends on the rows, and the same sums in every reader."""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path

import pandas as pd
import pytest

from langswarm_nb.analysis import export, export_parquet, messages_df, sessions_df, set_price, turns_df
from langswarm_nb.core.session import (
    MessageRole,
    MissingExtraError,
    RequestFacts,
    SessionMessage,
    SessionTypeError,
    SessionValueError,
    Usage,
)

pa = pytest.importorskip("pyarrow", reason="needs the extra parquet", exc_type=ImportError)
pq = pytest.importorskip("pyarrow.parquet", exc_type=ImportError)

START = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)


@pytest.fixture
async def days(filled):
    """Return a manager with messages of four days, one of them a reply whose start is not known."""
    set_price("m", 1, 2, provider="acme")
    session = await filled.create_session("ada", "mock", "echo", session_id="days")
    for day in range(4):
        at = START + timedelta(days=day)
        facts = RequestFacts(
            "acme", "m", "m", at if day else None, 1.0, usage=Usage(10 * day, output_tokens=day)
        )
        reply = SessionMessage(role=MessageRole.ASSISTANT, content=f"{day}", timestamp=at, request=facts)
        await filled.storage.append_messages("days", [SessionMessage(content="?", timestamp=at), reply])
    return session.manager


def files(folder):
    return {str(path.relative_to(folder)): path for path in Path(folder).rglob("*.parquet")}


FRAMES = {"messages": messages_df, "turns": turns_df, "sessions": sessions_df}


@pytest.mark.parametrize("name", FRAMES)
async def test_a_round_trip_keeps_rows_and_dtypes(days, tmp_path, name):
    """Pandas reads back the frame it was, all branches, with the same dtypes."""
    export_parquet(tmp_path / "out", [name], source=days)
    whole = FRAMES[name](days, branch="all")
    back = pd.read_parquet(tmp_path / "out" / name).drop(columns="date")
    key = {"messages": "message_id", "turns": "request_id", "sessions": "session_id"}[name]
    back = (
        back.astype(whole.dtypes.to_dict()).set_index(key).loc[whole[key]].reset_index()[list(whole.columns)]
    )
    pd.testing.assert_frame_equal(back, whole, check_categorical=False)


async def test_files_stand_in_a_folder_a_day(days, tmp_path):
    """One file of a fixed name for each day in UTC; rows without a moment have a day of their own."""
    export_parquet(tmp_path, source=days)
    found = files(tmp_path)
    days_of = lambda frame: {name.split("date=")[1][:10] for name in found if name.startswith(frame)}  # noqa: E731
    assert {"2026-11-20", "2026-11-21", "2026-11-22", "2026-11-23"} <= days_of("messages")
    assert any("date=1970-01-01" in name for name in found if name.startswith("turns"))
    for name, path in found.items():
        assert path.name == "part-0.parquet"
        if name.startswith("messages"):
            moments = pq.read_table(path, partitioning=None)["created_at"].to_pandas()
            assert set(moments.dt.strftime("%Y-%m-%d")) == {name.split("date=")[1][:10]}


@pytest.mark.skipif(os.name != "posix", reason="modes of files are POSIX's")
@pytest.mark.parametrize("scheme", ["", "file://"])
async def test_only_the_owner_reads_the_files(days, tmp_path, scheme):
    """Files and new folders are private whatever the umask, and what was there before keeps its mode."""
    tmp_path.chmod(0o755)
    before = os.umask(0o000)
    try:
        export_parquet(f"{scheme}{tmp_path / 'new' / 'history'}", source=days)
    finally:
        os.umask(before)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "new").rglob("*") if path.is_dir()}
    assert modes == {0o700} == {stat.S_IMODE((tmp_path / "new").stat().st_mode)}
    files = [path for path in (tmp_path / "new").rglob("*") if path.is_file()]
    assert {path.name for path in files} == {"part-0.parquet"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


async def test_the_schema_does_not_depend_on_the_rows(days, tmp_path):
    """Every file of a frame has the same Arrow schema: plain types, microseconds in UTC, no type of only nulls."""
    export_parquet(tmp_path, source=days)
    for name in FRAMES:
        schemas = {
            pq.read_schema(path).remove_metadata()
            for key, path in files(tmp_path).items()
            if key.startswith(name)
        }
        assert len(schemas) == 1
        for field in schemas.pop():
            assert not pa.types.is_null(field.type)
            assert not pa.types.is_duration(field.type)
            if pa.types.is_timestamp(field.type):
                assert field.type == pa.timestamp("us", tz="UTC")


async def test_a_second_export_changes_only_what_changed(days, tmp_path):
    """Files of other days keep their bytes and their time of change; a deleted session leaves no copy behind."""
    export_parquet(tmp_path, source=days)
    before = {name: (path.stat().st_mtime_ns, path.read_bytes()) for name, path in files(tmp_path).items()}
    export_parquet(tmp_path, source=days)
    assert {n: (p.stat().st_mtime_ns, p.read_bytes()) for n, p in files(tmp_path).items()} == before
    at = START + timedelta(days=1)
    await days.storage.append_messages("days", [SessionMessage(content="later", timestamp=at)])
    export_parquet(tmp_path, ["messages"], source=days)
    after = {name: (path.stat().st_mtime_ns, path.read_bytes()) for name, path in files(tmp_path).items()}
    assert [name for name in after if after[name] != before[name]] == [
        "messages/date=2026-11-21/part-0.parquet"
    ]
    await days.delete_session("days")
    export_parquet(tmp_path, source=days)
    assert not [
        name for name in files(tmp_path) if "2026-11-2" in name and START.strftime("%Y-%m-%d") in name
    ]


async def test_a_part_of_the_time_leaves_the_rest_alone(days, tmp_path):
    """With `since` the files of earlier days stay as they are."""
    export_parquet(tmp_path, ["messages"], source=days)
    before = {name: path.read_bytes() for name, path in files(tmp_path).items()}
    await days.delete_session("days")
    export_parquet(tmp_path, ["messages"], since="2026-11-22", source=days)
    after = {name: path.read_bytes() for name, path in files(tmp_path).items()}
    gone = {name for name in before if name not in after}
    assert {name.split("date=")[1][:10] for name in gone} == {"2026-11-22", "2026-11-23"}
    assert all(before[name] == after[name] for name in after)


SUM = "SELECT count(*), sum(output_tokens), sum(duration_s), count(DISTINCT session_id) FROM turns"


@pytest.mark.filterwarnings("ignore:The inplace keyword")  # Dask on the newest pandas
async def test_every_reader_gives_the_same_sums(days, tmp_path):
    """pandas, pyarrow, DuckDB, Polars and Dask agree with the store on counts and sums, over all partitions."""
    export_parquet(tmp_path, ["turns"], source=days)
    turns = turns_df(days, branch="all")
    place = tmp_path / "turns"
    expected = (
        len(turns),
        int(turns["output_tokens"].sum()),
        round(float(turns["duration_s"].sum()), 9),
        turns["session_id"].nunique(),
    )

    def sums(frame):
        total = int(frame["output_tokens"].sum())
        return len(frame), total, round(float(frame["duration_s"].sum()), 9), frame["session_id"].nunique()

    expected = sums(turns)
    assert sums(pd.read_parquet(place)) == expected
    assert sums(pq.read_table(place).to_pandas()) == expected
    tried = 0
    for reader in (_duckdb, _polars, _dask):
        try:
            found = reader(place)
        except ImportError:
            continue
        tried += 1
        assert (found[0], found[1], round(found[2], 9), found[3]) == expected, reader.__name__
    if not tried:
        pytest.skip("compared with pandas and pyarrow only: DuckDB, Polars and Dask are not installed")


def _duckdb(place):
    duckdb = import_module("duckdb")

    # A connection of its own that knows Arrow: DuckDB's extensions would be downloads.
    turns = pq.read_table(place)
    with duckdb.connect(":memory:") as db:
        db.register("turns", turns)
        row = db.execute(SUM).fetchone()
        direct = db.execute(
            SUM.replace("turns", f"read_parquet('{place}/**/*.parquet', hive_partitioning=true)")
        ).fetchone()
    assert row == direct
    return row


def _polars(place):
    pl = import_module("polars")

    turns = pl.scan_parquet(f"{place}/**/*.parquet", hive_partitioning=True).collect()
    return len(turns), turns["output_tokens"].sum(), turns["duration_s"].sum(), turns["session_id"].n_unique()


def _dask(place):
    dask, dd = import_module("dask"), import_module("dask.dataframe")

    with dask.config.set(scheduler="synchronous"):
        turns = dd.read_parquet(place)
        return (
            len(turns),
            int(turns["output_tokens"].sum().compute()),
            float(turns["duration_s"].sum().compute()),
            int(turns["session_id"].nunique().compute()),
        )


async def test_a_url_of_fsspec_is_a_place(days):
    """Whatever fsspec can write to: here its memory."""
    fsspec = pytest.importorskip("fsspec", reason="needs fsspec", exc_type=ImportError)
    export_parquet("memory://history", ["sessions"], source=days)
    memory = fsspec.filesystem("memory")
    try:
        [*found] = memory.glob("/history/sessions/*/part-0.parquet")
        assert found
        with memory.open(found[0]) as file:
            assert "session_id" in pq.read_table(file).column_names
    finally:
        memory.rm("/history", recursive=True)


async def test_texts_can_be_redacted_on_the_way(manager, tmp_path):
    """`export` redacts unless told otherwise, `export_parquet` when asked to."""
    session = await manager.create_session("ada", "mock", "echo")
    await session.send_message("write to ada@example.org")
    export(session, tmp_path / "a", format="parquet")
    assert not messages_text(tmp_path / "a").str.contains("ada@").any()
    export_parquet(tmp_path / "b", source=session)
    assert messages_text(tmp_path / "b").str.contains("ada@").any()


def messages_text(place):
    return pd.read_parquet(place / "messages")["content"]


async def test_wrong_arguments_are_named(manager, tmp_path):
    """Unknown frames, a text instead of a list, an unknown kind of place."""
    with pytest.raises(SessionValueError, match="'messages'"):
        export_parquet(tmp_path, ["message"], source=manager)  # type: ignore[list-item]
    with pytest.raises(SessionTypeError, match="frames"):
        export_parquet(tmp_path, "messages", source=manager)  # type: ignore[arg-type]
    with pytest.raises((SessionValueError, MissingExtraError), match="nosuch://"):
        export_parquet("nosuch://place", source=manager)
    with pytest.raises(SessionTypeError, match="frames"):
        export_parquet(tmp_path, 1, source=manager)  # type: ignore[arg-type]
    for place in (None, 1, b"folder"):
        with pytest.raises(SessionTypeError, match="url"):
            export_parquet(place, source=manager)  # type: ignore[arg-type]
    for text in ("", " ", "a\0b"):
        with pytest.raises(SessionValueError, match="url"):
            export_parquet(text, source=manager)
    with pytest.raises(SessionTypeError, match="needs a path"):
        export(manager, format="parquet")
