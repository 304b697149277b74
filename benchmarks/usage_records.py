"""An installation with many usage records, made in its database by its own arithmetic: the same ones every time.

Five packs of one company with keys and models, activated by the real services; a third of a year and more of calls,
four of five of them on one pack. The last calls are drained as a gateway drains them, the sums of all others are
counted from the records by `recount`, and at the end all sums are checked against all records.
"""

import time
from collections.abc import AsyncGenerator, Generator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from packhouse.adapters.catalog.toml import read_catalog
from packhouse.adapters.database.connection import Connection, Place, connect
from packhouse.adapters.metering.database import MeterDatabase
from packhouse.adapters.metering.record import UsageRecord
from packhouse.adapters.metering.recount import recount, resources
from packhouse.adapters.outside.clock import SetClock
from packhouse.adapters.outside.ids import SystemIds
from packhouse.adapters.outside.passwords import Argon2Passwords
from packhouse.adapters.sql.store import SqlStore
from packhouse.adapters.vectors.embedded.sizes import EmbeddedSizes
from packhouse.domain.catalog import Offering
from packhouse.domain.consumption import months_back
from packhouse.domain.units import ResourceId, microseconds
from packhouse.domain.user import Actor
from packhouse.services.context import Context
from packhouse.services.control import Control, control
from packhouse.services.ledger import NewContract
from packhouse.services.order import Order
from packhouse.services.user import NewUser

NOW = datetime(2026, 7, 9, 15, 20, tzinfo=UTC)
ACTIVATED_AT = datetime(2025, 12, 31, 10, 17, tzinfo=UTC)
"""190 days before: all of six months, in seven bundle months that turn within an hour."""
PASSWORD = "correct horse battery"
PLACES = 1000
MODELS = ("model-a", "model-b", "model-c")
DRAINED_MAX = 50_000

_INSERT = """
INSERT INTO usage_record (call_id, company_id, resource_id, key_id, model, operation, month_start, started_at,
    recorded_at, input, output, cache_read, cache_write, source, outcome, latency_ms)
WITH RECURSIVE n(i) AS (SELECT CAST({first} AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {last}),
drawn AS (SELECT i, (i * 2654435761 + 12345) % 4294967296 AS r, {start} + i * {step} AS at FROM n)
SELECT 'call_' || (100000000000 + i), p.company_id, p.resource_id, p.key_id, p.model, 'chat', {month}, at, at + 900000,
    200 + (r / 1000) % 4000, 50 + (r / 13) % 900, CASE WHEN r % 5 = 0 THEN 1200 ELSE 0 END,
    CASE WHEN r % 50 = 0 THEN 300 ELSE 0 END, CASE WHEN r % 97 = 0 THEN 'estimated' ELSE 'reported' END, 'ok', 900
FROM drawn JOIN bench_place p ON p.number = (r / 4096) % {places}
"""


@dataclass(frozen=True)
class Furnished:
    """`big` is the pack with most of the records. `seconds` are how long each part of the making took."""

    services: Control
    admin: Actor
    big: ResourceId
    seconds: dict[str, float]


@asynccontextmanager
async def opened(place: Place, knowledge: EmbeddedSizes) -> AsyncGenerator[tuple[Control, SetClock]]:
    """The services on a database with this version's tables."""
    url = place if isinstance(place, str) else f"sqlite+aiosqlite:///{place}"
    clock = SetClock(ACTIVATED_AT)
    store = SqlStore(url)
    context = Context(
        store=store,
        clock=clock,
        ids=SystemIds(clock),
        passwords=Argon2Passwords(time_cost=1, memory_kib=8),
        catalog=read_catalog(),
        offering=Offering((("eu-central-1", ("local",)),)),
        sizes=knowledge,
    )
    try:
        await store.migrate()
        yield control(context), clock
    finally:
        await store.close()


async def furnish(services: Control, place: Place, *, clock: SetClock, records: int) -> Furnished:
    """All of it, up to the check that every sum is what the records come to."""
    seconds = dict[str, float]()
    admin, packs = await _provisioned(services)
    keys = {pack: await _keys(services, admin, pack, count=20 if pack == packs[0] else 3) for pack in packs}
    clock.set(NOW)
    company = str(admin.company_id)
    drained = min(DRAINED_MAX, records // 10)
    with closing(connect(place, durable=False)) as sql:
        _places(sql, company, keys=keys)
        with _timed(seconds, "records"):
            _insert(sql, first=0, last=records - drained, of=records)
        with _timed(seconds, "sums"):
            for pack in resources(sql):
                recount(sql, pack, mend=True)
        with _timed(seconds, "drained"):
            _drain(place, sql, first=records - drained, of=records)
        if sql.shares_writing:
            sql.run("VACUUM ANALYZE usage_record")  # the test server's own gardener is off
            for table in ("usage_hour", "usage_day", "usage_total"):
                sql.run(f"VACUUM ANALYZE {table}")
        with _timed(seconds, "check"):
            wrong = [one for pack in resources(sql) for one in recount(sql, pack, mend=False)]
    if wrong:
        raise SystemExit(f"The sums are not what the records come to: {wrong}")
    return Furnished(services, admin, packs[0], seconds)


def counts(sql: Connection, resource_id: str) -> dict[str, int]:
    """How much there is of each table, and of the records of the pack."""
    tables = ("usage_record", "usage_hour", "usage_day")
    found = {table: sql.run(f"SELECT count(*) FROM {table}")[0][0] for table in tables}
    of_pack = sql.run("SELECT sum(calls) FROM usage_day WHERE resource_id = ?", (resource_id,))
    return found | {"records of the big pack": int(of_pack[0][0])}


async def _provisioned(services: Control) -> tuple[Actor, list[ResourceId]]:
    first = await services.users.bootstrap(email="operator@example.com", name="Olga", password=PASSWORD)
    assert first is not None
    operator = Actor(first.user.id, "operator")
    company = await services.companies.create(operator, "Example")
    new = NewUser(email="admin@example.com", name="Ada", role="admin", company_id=company.id, password=PASSWORD)
    admin = Actor((await services.users.create(operator, new)).user.id, "admin", company.id)
    contract = NewContract(reference="C", start_at=ACTIVATED_AT, end_at=ACTIVATED_AT + timedelta(days=700))
    made = await services.entitlements.create_contract(operator, company.id, new=contract)
    await services.entitlements.grant(operator, made.id, cloud_tokens=1000)
    packs: list[ResourceId] = []
    for number in range(5):
        order = Order(
            company_id=company.id,
            type="text_generation",
            display_name=f"Pack {number}",
            region="eu-central-1",
            plan="L",
            model="local-text",
        )
        packs.append((await services.provisioning.provision(admin, order)).resource.id)
    return admin, packs


async def _keys(services: Control, admin: Actor, pack: ResourceId, *, count: int) -> list[str]:
    made = [await services.keys.create(admin, pack, description=f"Application {number}") for number in range(count)]
    return [minted.view.key.id for minted in made]


def _places(sql: Connection, company: str, *, keys: dict[ResourceId, list[str]]) -> None:
    """Who calls: four of five on the first pack."""
    columns = "number INTEGER PRIMARY KEY, company_id TEXT, resource_id TEXT, key_id TEXT, model TEXT"
    sql.run(f"CREATE TABLE bench_place ({columns})")
    packs = list(keys)
    rows: list[tuple[object, ...]] = []
    for number in range(PLACES):
        pack = packs[0] if number % 5 else packs[1 + number // 5 % (len(packs) - 1)]
        key = keys[pack][number // 7 % len(keys[pack])]
        rows.append((number, company, pack, key, MODELS[number // 3 % len(MODELS)]))
    sql.run_many("INSERT INTO bench_place VALUES (?, ?, ?, ?, ?)", rows)


def _insert(sql: Connection, *, first: int, last: int, of: int) -> None:
    """Half a million at a time, each within the minute that a statement may take."""
    for start in range(first, last, 500_000):
        sql.run(_INSERT.format(first=start, last=min(last, start + 500_000), places=PLACES, **_calendar(of)))


def _calendar(of: int) -> dict[str, object]:
    """When calls begin, and the bundle month that they are in."""
    start, step = microseconds(ACTIVATED_AT), int((NOW - ACTIVATED_AT) / timedelta(microseconds=1)) // of
    months = months_back(ACTIVATED_AT, now=NOW, count=24)
    when = " ".join(f"WHEN at >= {microseconds(one.start_at)} THEN {microseconds(one.start_at)}" for one in months)
    return {"start": start, "step": step, "month": f"CASE {when} END"}


def _drain(place: Place, sql: Connection, *, first: int, of: int) -> None:
    """As a gateway does: the records are drawn by the same arithmetic, and taken back out, then booked."""
    with closing(MeterDatabase(place)) as meter:
        for batch in _batches(sql, first=first, of=of):
            meter.drain("proc_bench", batch, counts=[])


def _batches(sql: Connection, *, first: int, of: int) -> Iterator[list[UsageRecord]]:
    select = _INSERT.partition("recorded_at, input, output")[2].partition("latency_ms)\n")[2]
    for start in range(first, of, 2000):
        query = select.format(first=start, last=min(of, start + 2000), places=PLACES, **_calendar(of))
        yield [UsageRecord(*row) for row in sql.run(query)]


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Generator[None]:
    began = time.perf_counter()
    yield
    seconds[name] = round(time.perf_counter() - began, 1)
