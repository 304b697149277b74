"""Consumption: what the data plane wrote, as people read it."""

import csv
import io
import sqlite3
import struct
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from packhouse.adapters.vectors.embedded.engine import EmbeddedVectorEngine
from packhouse.domain.consumption import CSV_HEADER, KnowledgeUse, Span
from packhouse.domain.errors import Refused
from packhouse.domain.knowledge import Chunk, Collection, EmbeddedChunk, FieldIs
from packhouse.domain.units import CollectionId, ModelTokens, ResourceId, microseconds
from tests.services.conftest import NOW, House

pytestmark = pytest.mark.anyio
HOUR = timedelta(hours=1)


@pytest.fixture
def data_plane(tmp_path: Path) -> sqlite3.Connection:
    return sqlite3.connect(tmp_path / "packhouse.db", isolation_level=None)


def call(sql: sqlite3.Connection, resource_id: str, at: datetime, key_id: str = "", model: str = "local-text") -> None:
    """One call of 100 input and 10 output tokens, as the meter books it."""
    instant = microseconds(at)
    month = microseconds(NOW if at >= NOW else NOW - timedelta(days=31))
    sql.execute(
        "INSERT INTO usage_record (call_id, recorded_at, started_at, company_id, resource_id, key_id, model, operation,"
        " month_start, input, output, cache_read, cache_write, source, outcome, latency_ms)"
        " VALUES (hex(randomblob(8)), ?, ?, '', ?, ?, ?, 'chat', ?, 100, 10, 0, 0, 'estimated', 'answered', 5)",
        (instant, instant, resource_id, key_id or None, model, month),
    )
    hour = instant - instant % 3_600_000_000
    sql.execute(
        "INSERT INTO usage_hour VALUES (?, ?, ?, ?, 1, 1, 100, 10, 0, 0)"
        " ON CONFLICT DO UPDATE SET calls = calls + 1, estimated_calls = estimated_calls + 1, input = input + 100,"
        " output = output + 10",
        (resource_id, hour, key_id, model),
    )
    for meter, amount in (("input", 100), ("output", 10)):
        sql.execute(
            "INSERT INTO usage_total VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET used = used + excluded.used",
            (resource_id, month, meter, amount),
        )


async def test_the_running_bundle_month(house: House, data_plane: sqlite3.Connection) -> None:
    resource_id = await house.provision()
    for at in (NOW - HOUR / 2, NOW, NOW + HOUR / 2, NOW + HOUR, NOW + 50 * HOUR):
        call(data_plane, resource_id, at)
    house.clock.set(NOW + 60 * HOUR)
    running = await house.services.consumption.running(house.admin, resource_id)
    assert running.month is not None
    assert running.month.end_at == datetime.fromisoformat("2026-02-28T10:00:00+00:00")
    assert [(one.meter, one.used, one.remaining) for one in running.meters] == [
        ("input", 400, 2_499_600),
        ("output", 40, 1_249_960),
    ]
    assert running.meters[0].percent == pytest.approx(0.016)
    assert (running.calls, running.estimated_calls, running.tokens) == (4, 4, ModelTokens(400, 40))


async def test_a_bundle_month_that_begins_within_an_hour_counts_to_the_call(
    house: House, data_plane: sqlite3.Connection
) -> None:
    house.clock.set(NOW + HOUR / 4)
    resource_id = await house.provision()
    anchor = microseconds(NOW + HOUR / 4)
    for at in (NOW + HOUR / 3, NOW + HOUR):
        call(data_plane, resource_id, at)
    data_plane.execute("UPDATE usage_record SET month_start = ?", (anchor,))
    call(data_plane, resource_id, NOW + HOUR / 5)  # the month before, in the same hour
    house.clock.set(NOW + 5 * HOUR)
    assert (await house.services.consumption.running(house.admin, resource_id)).calls == 2


async def test_the_days_of_each_bundle_month_make_its_figure_though_months_meet_within_an_hour(
    house: House, data_plane: sqlite3.Connection
) -> None:
    house.clock.set(NOW + HOUR / 4)
    resource_id = await house.provision()
    view = await house.services.resources.get(house.admin, resource_id)
    assert view.month is not None
    meet_at = view.month.end_at
    minute = HOUR / 60
    before = [NOW + HOUR / 4, NOW + HOUR / 2, NOW + 30 * HOUR, meet_at - 2 * HOUR, meet_at - minute]
    after = [meet_at, meet_at + minute, meet_at + HOUR, meet_at + 40 * HOUR]
    for at in before + after:
        call(data_plane, resource_id, at)
    later = meet_at + 100 * HOUR
    for now, calls in ((meet_at - minute / 2, len(before)), (later, len(after))):
        house.clock.set(now)
        running = await house.services.consumption.running(house.admin, resource_id)
        assert running.month is not None
        assert (running.calls, running.tokens.input) == (calls, 100 * calls)
        for split in ("none", "key", "model"):
            span = Span(running.month.start_at, running.month.end_at)
            days = await house.services.consumption.days(house.admin, resource_id, span=span, split=split)
            assert sum(one.calls for one in days) == calls
            assert sum((one.tokens for one in days), ModelTokens()) == running.tokens
    within = Span(NOW + HOUR / 3, NOW + 2 * HOUR / 3)
    assert [one.calls for one in await house.services.consumption.days(house.admin, resource_id, span=within)] == [1]


async def test_days(house: House, data_plane: sqlite3.Connection) -> None:
    resource_id = await house.provision()
    minted = await house.services.keys.create(house.admin, resource_id, description="Bot")
    call(data_plane, resource_id, NOW, key_id=minted.view.key.id)
    call(data_plane, resource_id, NOW + HOUR, model="other")
    call(data_plane, resource_id, NOW + 72 * HOUR)
    span = Span(NOW - 24 * HOUR, NOW + 240 * HOUR)
    days = await house.services.consumption.days(house.admin, resource_id, span=span)
    assert [(one.day.isoformat(), one.calls, one.tokens.input) for one in days] == [
        ("2026-01-31", 2, 200),
        ("2026-02-03", 1, 100),
    ]
    by_key = await house.services.consumption.days(house.admin, resource_id, span=span, split="key")
    assert [(one.day.day, one.key) for one in by_key] == [
        (31, "-"),
        (31, f"{minted.view.key.prefix} Bot"),
        (3, "-"),
    ]
    by_model = await house.services.consumption.days(house.admin, resource_id, span=span, split="model")
    assert [(one.day.day, one.model) for one in by_model] == [(31, "local-text"), (31, "other"), (3, "local-text")]


async def test_csv(house: House, data_plane: sqlite3.Connection) -> None:
    resource_id = await house.provision()
    call(data_plane, resource_id, NOW)
    text = await house.services.consumption.csv(house.admin, resource_id, span=Span(NOW, NOW + 24 * HOUR))
    header, row = list(csv.reader(io.StringIO(text)))
    assert tuple(header) == CSV_HEADER
    assert row == ["2026-01-31", "", "", "1", "1", "100", "10", "0", "0", "0", "0", "0", "0"]


async def test_knowledge_counts(house: House, data_plane: sqlite3.Connection) -> None:
    base_id = await house.knowledge_base(await house.embeddings())
    for hours, searches in ((0, 2), (1, 3), (30, 5)):
        hour_at = microseconds(NOW + hours * HOUR)
        data_plane.execute("INSERT INTO knowledge_hour VALUES (?, ?, ?, 1, 40, 9000)", (base_id, hour_at, searches))
    days = await house.services.consumption.days(house.admin, base_id, span=Span(NOW, NOW + 99 * HOUR))
    assert [(one.searches, one.inserts, one.chunks, one.bytes) for one in days] == [
        (5, 2, 80, 18000),
        (5, 1, 40, 9000),
    ]


async def test_a_knowledge_base_in_numbers(house: House, data_plane: sqlite3.Connection, tmp_path: Path) -> None:
    house.clock.set(NOW + HOUR / 4)
    base_id = await house.knowledge_base(await house.embeddings())
    empty = await house.services.consumption.running(house.admin, base_id)
    assert empty.knowledge == KnowledgeUse()
    assert not (tmp_path / "knowledge").exists()
    view = await house.services.resources.get(house.admin, base_id)
    assert view.month is not None
    for hour_at in (NOW, NOW + 30 * HOUR, view.month.end_at - HOUR / 4):  # the last is the hour of the month after
        row = (base_id, microseconds(hour_at), 3)
        data_plane.execute("INSERT INTO knowledge_hour VALUES (?, ?, ?, 1, 40, 9000)", row)
    engine = EmbeddedVectorEngine(tmp_path / "knowledge")
    store = await engine.open(base_id, 8)
    place = CollectionId("col_1")
    await store.create_collection(Collection(place, "default", NOW))
    chunks = [EmbeddedChunk(Chunk(id=str(n), text="t"), struct.pack("<8f", *[1.0] * 8)) for n in range(7)]
    await store.put(place, chunks)
    await store.delete(place, FieldIs("id", ("0",)))
    disk_bytes = await store.disk_bytes()
    running = await house.services.consumption.running(house.admin, base_id)
    assert running.knowledge == KnowledgeUse(6, 2, 80, 18000, 6, disk_bytes)
    assert running.disk_percent == 100 * disk_bytes / (10 * 1024**3) > 0
    house.clock.set(view.month.end_at + HOUR)
    after = await house.services.consumption.running(house.admin, base_id)
    assert after.knowledge == KnowledgeUse(3, 1, 40, 9000, 6, disk_bytes)
    await engine.close()


async def test_a_model_pack_holds_nothing(house: House) -> None:
    running = await house.services.consumption.running(house.admin, await house.provision())
    assert (running.knowledge, running.disk_percent) == (None, 0)


async def test_spans_and_strangers(house: House) -> None:
    resource_id: ResourceId = await house.provision()
    for span in (Span(NOW, NOW), Span(NOW, NOW - HOUR), Span(NOW, NOW + timedelta(days=401))):
        with pytest.raises(Refused) as refused:
            await house.services.consumption.days(house.admin, resource_id, span=span)
        assert refused.value.code == "invalid_request"
    _, stranger = await house.rival()
    with pytest.raises(Refused) as refused:
        await house.services.consumption.running(stranger, resource_id)
    assert refused.value.code == "not_found"
