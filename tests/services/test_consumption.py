"""Consumption: what the data plane wrote, as people read it."""

import csv
import io
import struct
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from packhouse.adapters.database.connection import Connection, connect
from packhouse.adapters.metering.booking import book
from packhouse.adapters.metering.booking import count as count_in
from packhouse.adapters.metering.record import KnowledgeCount, UsageRecord
from packhouse.adapters.vectors.embedded.engine import EmbeddedVectorEngine
from packhouse.domain.consumption import CSV_HEADER, KnowledgeUse, Span, SpanName, of_month
from packhouse.domain.errors import Refused
from packhouse.domain.knowledge import Chunk, Collection, EmbeddedChunk, FieldIs
from packhouse.domain.month import bundle_month
from packhouse.domain.quota import MeterLimit, Weights
from packhouse.domain.units import CollectionId, ModelTokens, ResourceId, microseconds
from tests.services.conftest import NOW, House
from tests.support.databases import KINDS
from tests.support.installation import Installation

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("installation", KINDS, indirect=True)]
HOUR = timedelta(hours=1)
METERS = [MeterLimit("input", Weights(1, 0, 1, 1), 0), MeterLimit("output", Weights(0, 1), 0)]
_numbers = count(1)


@pytest.fixture
def data_plane(installation: Installation) -> Generator[Connection]:
    connection = connect(installation.database, durable=False)
    yield connection
    connection.close()


def call(
    sql: Connection,
    resource_id: str,
    at: datetime,
    *,
    key_id: str = "",
    model: str = "local-text",
    anchor_at: datetime = NOW,
) -> None:
    """One call of 100 input and 10 output tokens, booked by the meter."""
    record = UsageRecord(
        call_id=f"call_{next(_numbers)}",
        company_id="com_1",
        resource_id=resource_id,
        key_id=key_id or None,
        model=model,
        operation="chat",
        month_start=microseconds(bundle_month(anchor_at, at).start_at),
        started_at=microseconds(at),
        recorded_at=microseconds(at),
        input=100,
        output=10,
        cache_read=0,
        cache_write=0,
        source="estimated",
        outcome="ok",
        latency_ms=5,
    )
    with sql.writing([resource_id]):
        book(sql, [record], limits=lambda _resource, _month: METERS)


async def test_the_running_bundle_month(house: House, data_plane: Connection) -> None:
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
    house: House, data_plane: Connection
) -> None:
    house.clock.set(NOW + HOUR / 4)
    resource_id = await house.provision()
    for at in (NOW + HOUR / 3, NOW + HOUR, NOW + HOUR / 5):  # the last is of the month before, in the same hour
        call(data_plane, resource_id, at, anchor_at=NOW + HOUR / 4)
    house.clock.set(NOW + 5 * HOUR)
    assert (await house.services.consumption.running(house.admin, resource_id)).calls == 2


async def test_the_days_of_each_bundle_month_make_its_figure_though_months_meet_within_an_hour(
    house: House, data_plane: Connection
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
        call(data_plane, resource_id, at, anchor_at=NOW + HOUR / 4)
    later = meet_at + 100 * HOUR
    for now, calls in ((meet_at - minute / 2, len(before)), (later, len(after))):
        house.clock.set(now)
        running = await house.services.consumption.running(house.admin, resource_id)
        assert running.month is not None
        assert (running.calls, running.tokens.input) == (calls, 100 * calls)
        for split in ("none", "key", "model"):
            for span in (Span(running.month.start_at, running.month.end_at), of_month(running.month)):
                days = await house.services.consumption.days(house.admin, resource_id, span=span, split=split)
                assert sum(one.calls for one in days) == calls
                assert sum((one.tokens for one in days), ModelTokens()) == running.tokens
    within = Span(NOW + HOUR / 3, NOW + 2 * HOUR / 3)
    assert [one.calls for one in await house.services.consumption.days(house.admin, resource_id, span=within)] == [1]


async def test_days(house: House, data_plane: Connection) -> None:
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


async def test_csv(house: House, data_plane: Connection) -> None:
    resource_id = await house.provision()
    call(data_plane, resource_id, NOW)
    text = await house.services.consumption.csv(house.admin, resource_id, span=Span(NOW, NOW + 24 * HOUR))
    header, row = list(csv.reader(io.StringIO(text)))
    assert tuple(header) == CSV_HEADER
    assert row == ["2026-01-31", "", "", "1", "1", "100", "10", "0", "0", "0", "0", "0", "0"]


@pytest.mark.parametrize("days", [0, -1, 401, 3000])
async def test_spans_are_bounded_up_to_the_end_of_time(house: House, days: int) -> None:
    resource_id = await house.provision()
    end = datetime(9999, 12, 30, 23, 59, tzinfo=UTC)
    with pytest.raises(Refused, match="in the future"):
        await house.services.consumption.days(house.admin, resource_id, span=Span(end - 24 * HOUR, end))
    with pytest.raises(Refused, match="at most 400 days") as refused:
        await house.services.consumption.days(house.admin, resource_id, span=Span(end - days * 24 * HOUR, end))
    assert refused.value.code == "invalid_request"


async def test_knowledge_counts(house: House, data_plane: Connection) -> None:
    base_id = await house.knowledge_base(await house.embeddings())
    for hours, searches in ((0, 2), (1, 3), (30, 5)):
        hour_at = microseconds(NOW + hours * HOUR)
        count_in(data_plane, [KnowledgeCount(f"count_{hours}", base_id, hour_at, searches, 1, 40, 9000)])
    days = await house.services.consumption.days(house.admin, base_id, span=Span(NOW, NOW + 99 * HOUR))
    assert [(one.searches, one.inserts, one.chunks, one.bytes) for one in days] == [
        (5, 2, 80, 18000),
        (5, 1, 40, 9000),
    ]


async def test_a_knowledge_base_in_numbers(house: House, data_plane: Connection, tmp_path: Path) -> None:
    house.clock.set(NOW + HOUR / 4)
    base_id = await house.knowledge_base(await house.embeddings())
    empty = await house.services.consumption.running(house.admin, base_id)
    assert empty.knowledge == KnowledgeUse()
    assert not (tmp_path / "knowledge").exists()
    view = await house.services.resources.get(house.admin, base_id)
    assert view.month is not None
    for hour_at in (NOW, NOW + 30 * HOUR, view.month.end_at - HOUR / 4):  # the last is the hour of the month after
        count_in(data_plane, [KnowledgeCount(f"count_{hour_at}", base_id, microseconds(hour_at), 3, 1, 40, 9000)])
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


async def test_spans_with_names(house: House, data_plane: Connection) -> None:
    resource_id = await house.provision()
    consumption = house.services.consumption
    house.clock.set(NOW + timedelta(days=65, hours=5))  # 6 April, in the third bundle month
    for day in (1, 5, 30, 40, 58, 59, 63, 64, 65):
        call(data_plane, resource_id, NOW + timedelta(days=day))

    async def days(name: SpanName, back: int = 0) -> list[int]:
        span = await consumption.span(house.admin, resource_id, name=name, back=back)
        found = await consumption.days(house.admin, resource_id, span=span)
        return [(one.day - NOW.date()).days for one in found for _ in range(one.calls)]

    assert await days("week") == [59, 63, 64, 65]
    assert await days("month_to_date") == [63, 64, 65]
    assert await days("six_months") == [1, 5, 30, 40, 58, 59, 63, 64, 65]
    assert await days("bundle_month") == [59, 63, 64, 65]
    assert await days("bundle_month", 1) == [30, 40, 58]
    assert await days("bundle_month", 2) == [1, 5]
    for name, back in (("bundle_month", 3), ("week", 1)):
        with pytest.raises(Refused) as refused:
            await consumption.span(house.admin, resource_id, name=name, back=back)  # type: ignore[arg-type]
        assert (refused.value.code, refused.value.facts["field"]) == ("invalid_request", "back")


async def test_bundle_months_against_the_limits_that_they_had(house: House, data_plane: Connection) -> None:
    resource_id = await house.provision()
    for day, calls in ((3, 2), (40, 3), (62, 1)):
        for _ in range(calls):
            call(data_plane, resource_id, NOW + timedelta(days=day))
    house.clock.set(NOW + timedelta(days=62))
    await house.services.resources.adjust_plan(house.admin, resource_id, plan="M")
    house.clock.set(NOW + timedelta(days=65))
    months = await house.services.consumption.months(house.admin, resource_id, count=9)
    assert [one.month.start_at.date().isoformat() for one in months] == ["2026-03-31", "2026-02-28", "2026-01-31"]
    assert [[(use.used, use.limit) for use in one.meters] for one in months] == [
        [(100, 5_000_000), (10, 2_500_000)],
        [(300, 2_500_000), (30, 1_250_000)],
        [(200, 2_500_000), (20, 1_250_000)],
    ]
    assert [(one.calls, one.estimated_calls, one.tokens.input) for one in months] == [
        (1, 1, 100),
        (3, 3, 300),
        (2, 2, 200),
    ]
    assert len(await house.services.consumption.months(house.admin, resource_id, count=1)) == 1
    with pytest.raises(Refused):
        await house.services.consumption.months(house.admin, resource_id, count=25)
    _, stranger = await house.rival()
    with pytest.raises(Refused) as refused:
        await house.services.consumption.months(stranger, resource_id, count=1)
    assert refused.value.code == "not_found"


async def test_the_forecast_goes_by_what_was_used(house: House, data_plane: Connection) -> None:
    resource_id = await house.provision()
    fresh = await house.services.consumption.running(house.admin, resource_id, forecast=True)
    assert [one.forecast for one in fresh.meters] == [None, None]
    for day in range(10):
        for hour in (8, 9, 13):
            call(data_plane, resource_id, NOW.replace(hour=0) + timedelta(days=1 + day, hours=hour))
    house.clock.set(NOW.replace(hour=0) + timedelta(days=11))
    running = await house.services.consumption.running(house.admin, resource_id, forecast=True)
    found = running.meters[0].forecast
    assert found is not None
    assert found.expected == pytest.approx(3000 + 300 * (17 + 10 / 24), abs=2)
    assert (found.runs_dry_at, found.likely) == (None, False)
    assert all(
        one.forecast is None for one in (await house.services.consumption.running(house.admin, resource_id)).meters
    )
