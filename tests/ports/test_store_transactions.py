"""The store's promises: a verb stands or falls as a whole, readers see one state, one writer at a time."""

import sys
from collections.abc import AsyncGenerator, Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import msgspec
import pytest
from sqlalchemy.exc import DBAPIError

from packhouse.adapters.sql.store import SqlStore
from packhouse.domain import ledger
from packhouse.domain.activity import Deed
from packhouse.domain.company import Company
from packhouse.domain.errors import Refused
from packhouse.domain.ledger import Contract, Transaction
from packhouse.domain.quota import MeterLimit, Weights
from packhouse.domain.resource import Resource, ScheduledDeprovision, ScheduledDowngrade, SuspensionReason
from packhouse.domain.units import CompanyId, ContractId, JobId, ResourceId, UserId
from packhouse.ports.jobs import Job
from packhouse.ports.store import Work
from tests.support.databases import KINDS, installed, store_url
from tests.support.installation import Installation

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
COMPANY = Company(id=CompanyId("com_1"), name="Example", created_at=NOW)
RESOURCE = Resource(
    id=ResourceId("res_1"),
    company_id=COMPANY.id,
    type="text_generation",
    display_name="Chat",
    environment="production",
    region="eu-central-1",
    cri=False,
    model="local-text",
    plan="M",
    created_at=NOW,
    created_by=UserId("usr_1"),
    activated_at=NOW,
)


@pytest.fixture(params=KINDS)
def installation(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[Installation]:
    with installed(request.param, tmp_path) as made:
        yield made


@pytest.fixture
async def store(installation: Installation) -> AsyncGenerator[SqlStore]:
    made = SqlStore(store_url(installation))
    async with made.writing() as work:
        await work.companies.add(COMPANY)
    yield made
    await made.close()


def deed(number: int) -> Deed:
    return Deed(company_id=COMPANY.id, verb="company.changed", subject_id=str(number))


async def note(work: Work, number: int) -> None:
    await work.activity.append(deed(number), at=NOW, actor_id=UserId("usr_1"))


def revision(installation: Installation) -> int:
    return installation.count("SELECT value FROM entitlement_revision WHERE id = 1")


async def test_what_raises_leaves_nothing(store: SqlStore) -> None:
    async def fails() -> None:
        async with store.writing() as work:
            await work.resources.add(RESOURCE)
            await note(work, 1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fails()
    async with store.reading() as work:
        assert await work.resources.get(RESOURCE.id) is None
        assert await work.activity.chain(COMPANY.id) == []


async def test_a_reader_cannot_write(store: SqlStore) -> None:
    with pytest.raises((DBAPIError, Refused)):
        async with store.reading() as work:
            await note(work, 1)


async def test_a_reader_sees_one_state(store: SqlStore) -> None:
    async with store.reading() as reader:
        assert len(await reader.companies.all()) == 1
        async with store.writing() as work:
            await work.companies.add(Company(id=CompanyId("com_2"), name="Other", created_at=NOW))
        assert len(await reader.companies.all()) == 1
    async with store.reading() as reader:
        assert len(await reader.companies.all()) == 2


async def test_writers_come_one_after_the_other(store: SqlStore) -> None:
    async def write(number: int) -> None:
        async with store.writing() as work:
            await note(work, number)

    async with anyio.create_task_group() as group:
        for number in range(20):
            group.start_soon(write, number)
    async with store.reading() as work:
        assert [entry.number for entry in await work.activity.chain(COMPANY.id)] == list(range(1, 21))


async def test_processes_take_turns(store: SqlStore, installation: Installation) -> None:
    program = (
        "import asyncio, sys\n"
        "from tests.ports.test_store_transactions import note\n"
        "from packhouse.adapters.sql.store import SqlStore\n"
        "async def main():\n"
        f"    store = SqlStore({store_url(installation)!r})\n"
        "    for number in range(15):\n"
        "        async with store.writing() as work:\n"
        "            await note(work, number)\n"
        "    await store.close()\n"
        "asyncio.run(main())\n"
    )

    async def process() -> None:
        await anyio.run_process([sys.executable, "-c", program], env={"PYTHONPATH": "src:."})

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(process)
    async with store.reading() as work:
        assert len(await work.activity.chain(COMPANY.id)) == 45


async def test_a_taken_name_is_a_conflict(store: SqlStore) -> None:
    with pytest.raises(Refused) as refused:
        async with store.writing() as work:
            await work.companies.add(Company(id=CompanyId("com_2"), name=COMPANY.name, created_at=NOW))
    assert refused.value.code == "conflict"


async def test_the_data_plane_is_told_once_a_transaction(store: SqlStore, installation: Installation) -> None:
    before = revision(installation)
    async with store.writing() as work:
        await work.resources.add(RESOURCE)
        await work.resources.set_limits(RESOURCE.id, (), from_at=NOW)
        await work.resources.replace(RESOURCE)
    assert revision(installation) == before + 1
    async with store.writing() as work:
        await note(work, 1)
    assert revision(installation) == before + 1


@pytest.mark.parametrize("scheduled", [None, ScheduledDeprovision(NOW), ScheduledDowngrade(NOW, "S")])
async def test_a_resource_comes_back_as_it_went(
    store: SqlStore, scheduled: ScheduledDeprovision | ScheduledDowngrade | None
) -> None:
    suspensions: frozenset[SuspensionReason] = frozenset({"operator", "terms_not_accepted"})
    changed = msgspec.structs.replace(RESOURCE, scheduled=scheduled, suspensions=suspensions, cri=True)
    async with store.writing() as work:
        await work.resources.add(RESOURCE)
        await work.resources.replace(changed)
    async with store.reading() as work:
        assert await work.resources.get(RESOURCE.id) == changed
        assert await work.resources.of_company(COMPANY.id) == [changed]


async def test_the_limit_of_a_bundle_month_is_the_newest_before_it(store: SqlStore) -> None:
    def limits(amount: int) -> tuple[MeterLimit, ...]:
        return (
            MeterLimit("input", Weights(input=1, cache_read=2), amount),
            MeterLimit("output", Weights(0, 1), amount),
        )

    async with store.writing() as work:
        await work.resources.add(RESOURCE)
        for days, amount in ((0, 10), (31, 5), (61, 7)):
            await work.resources.set_limits(RESOURCE.id, limits(amount), from_at=NOW + days * DAY)
        found = [await work.resources.limits(RESOURCE.id, NOW + days * DAY) for days in (-1, 0, 30, 31, 61, 99)]
        assert found == [(), limits(10), limits(10), limits(5), limits(7), limits(7)]
        await work.resources.set_limits(RESOURCE.id, (), from_at=NOW + 31 * DAY)
        assert await work.resources.limits(RESOURCE.id, NOW + 99 * DAY) == limits(10)


async def test_books_at_an_instant(store: SqlStore) -> None:
    contract = Contract(
        id=ContractId("con_1"), company_id=COMPANY.id, reference="", start_at=NOW + DAY, end_at=NOW + 9 * DAY
    )
    entry = ledger.granted(contract, 50, now=NOW)
    async with store.writing() as work:
        await work.ledger.add_contract(contract)
        sent = Transaction(
            id="led_1", company_id=COMPANY.id, number=0, recorded_at=NOW, recorded_by=UserId("usr_1"), entry=entry
        )
        posted = await work.ledger.post(sent)
        assert posted.number == 1
        assert await work.ledger.transactions(COMPANY.id) == [posted]
        assert (await work.ledger.books(COMPANY.id, NOW)).balance().available == 0
        assert (await work.ledger.books(COMPANY.id, NOW + DAY)).balance().available == 50
        assert (await work.ledger.books(COMPANY.id, None)).balance().available == 50


async def test_a_job_waits_from_its_making(store: SqlStore, installation: Installation) -> None:
    job = Job(
        id=JobId("job_1"), kind="erase", resource_id=RESOURCE.id, subject_id="res_1", state="waiting", created_at=NOW
    )
    async with store.writing() as work:
        await work.jobs.enqueue(job)
    (row,) = installation.sql("SELECT state, attempts, failure, available_at - created_at, lease_until FROM job")
    assert row == ("waiting", 0, "", 0, None)
