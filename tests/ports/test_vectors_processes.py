"""Vector engines: several processes on one knowledge base, and processes killed while they write."""

import asyncio
import os
import random
import sys
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from packhouse.domain.knowledge import EVERYTHING, Chunk, FieldIs, MetadataIs
from tests.support.needs import ROOT
from tests.support.vector_writers import BATCH, OBJECT, batch
from tests.support.vectors import BASE, COLLECTION, DIMENSIONS, Kind, Subject, embedded

pytestmark = pytest.mark.anyio

KILLS = int(os.environ.get("KILLS", "2"))
"""How often a writer is killed in each test; more for a thorough look."""


class Writer:
    """A process; `acknowledged` counts the writes that it has reported."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.acknowledged = 0

    async def reaches(self, number: int) -> None:
        assert self._process.stdout is not None
        while self.acknowledged < number:
            line = await self._process.stdout.readline()
            assert line, "the writer ended by itself"
            self.acknowledged = int(line) + 1

    async def refused(self) -> None:
        """It ends by itself, because the knowledge base is gone."""
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        await self._process.stdout.read()
        assert b"Refused: This knowledge base was erased." in await self._process.stderr.read()
        assert await self._process.wait() == 1

    async def kill(self) -> int:
        """At whatever it is doing; the number of writes that were acknowledged."""
        self._process.kill()
        assert self._process.stdout is not None
        for line in (await self._process.stdout.read()).splitlines(keepends=True):
            if line.endswith(b"\n"):
                self.acknowledged = int(line) + 1
        assert await self._process.wait() == -9
        return self.acknowledged


@asynccontextmanager
async def writer(subject: Subject, program: str, seed: int = 0) -> AsyncGenerator[Writer, None]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.support.vector_writers"),
        *(subject.kind.name, str(subject.root), program, str(seed)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    try:
        yield Writer(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def chunks_of(subject: Subject) -> list[Chunk]:
    return await subject.store.select(COLLECTION, EVERYTHING, offset=0, limit=100_000)


def writes(chunks: list[Chunk]) -> Counter[str | None]:
    return Counter(chunk.first("write") for chunk in chunks)


async def test_what_one_process_writes_the_next_call_elsewhere_sees(vector_kind: Kind, subject: Subject) -> None:
    elsewhere = vector_kind.engine(subject.root)
    other = await elsewhere.open(BASE, DIMENSIONS)
    for number in range(20):
        here, there = (subject.store, other) if number % 2 else (other, subject.store)
        chunk = embedded(Chunk(id=str(number), text=f"word{number}"))
        await here.put(COLLECTION, [chunk])
        assert await there.count(COLLECTION, EVERYTHING) == number + 1
        assert [each.chunks for each in await there.collections()] == [number + 1]
        near = await there.nearest(
            [COLLECTION], chunk.vector, chosen=EVERYTHING, max_results=1, minimum_similarity=0.99
        )
        words = await there.keyword([COLLECTION], f"word{number}", chosen=EVERYTHING, max_results=1)
        assert [each.chunk.id for each in near + words] == [str(number)] * 2
    await other.delete(COLLECTION, FieldIs("id", ("3",)))
    assert await subject.store.count(COLLECTION, FieldIs("id", ("3", "4"))) == 1
    await elsewhere.close()


async def test_a_process_that_writes_is_seen_by_one_that_reads(subject: Subject) -> None:
    async with writer(subject, "put") as process:
        for number in (1, 3, 10):
            await process.reaches(number)
            seen = writes(await chunks_of(subject))
            assert set(seen.values()) == {BATCH}
            assert all(seen[f"0-{n}"] for n in range(process.acknowledged))
            assert next(each.chunks for each in await subject.store.collections()) >= BATCH * process.acknowledged


async def test_writers_and_tidiers_of_the_same_chunks_lose_and_double_nothing(subject: Subject) -> None:
    async with (
        writer(subject, "same", 1) as one,
        writer(subject, "same", 2) as two,
        writer(subject, "put", 3) as three,
        writer(subject, "delete", 4) as four,
        writer(subject, "settle") as tidier,
    ):
        for number in (5, 10, 15, 20):
            for process in (one, two, three, four):
                await process.reaches(number)
            found = await chunks_of(subject)
            assert len({chunk.id for chunk in found}) == len(found)
        await tidier.reaches(1)
        for process in (four, one, two):
            await process.kill()
        done = await three.kill()
    found = await chunks_of(subject)
    assert len({chunk.id for chunk in found}) == len(found)
    seen = writes(found)
    assert all(seen[f"3-{number}"] == BATCH for number in range(done))
    same = [chunk for chunk in found if "-" not in chunk.id]
    assert sorted(int(chunk.id) for chunk in same) == list(range(BATCH))
    assert len(writes(same)) == 1, "a write of several chunks was seen in part"


@pytest.mark.parametrize("program", ["put", "replace", "repopulate"])
async def test_a_write_that_is_cut_off_is_whole_or_nothing(subject: Subject, program: str) -> None:
    dice = random.Random(program)
    for seed in range(KILLS):
        async with writer(subject, program, seed) as process:
            await process.reaches(1)
            await asyncio.sleep(dice.uniform(0, 0.3))
            done = await process.kill()
        found = await chunks_of(subject)
        seen = writes(found)
        if program == "put":
            assert all(seen[f"{seed}-{number}"] == BATCH for number in range(done))
            assert set(seen.values()) == {BATCH}
        else:
            (last,) = seen
            number = int(str(last).rpartition("-")[2])
            assert str(last).startswith(f"{seed}-")
            assert number >= done - 1
            assert sorted(chunk.id for chunk in found) == sorted(each.id for each in batch(program, number, seed))
        assert [each.chunks for each in await subject.store.collections()] == [len(found)]
        assert await subject.store.count(COLLECTION, EVERYTHING) == len(found)


@pytest.mark.parametrize("program", ["replace", "repopulate"])
async def test_readers_see_a_replacement_whole(subject: Subject, program: str) -> None:
    async with writer(subject, program) as process:
        await process.reaches(1)
        for _ in range(60):
            found = await chunks_of(subject)
            (last,) = writes(found)
            assert len(found) == len(batch(program, int(str(last).rpartition("-")[2]), 0))
            if program == "replace":
                some = await subject.store.select(COLLECTION, FieldIs("object_id", (OBJECT.id,)), offset=0, limit=100)
                assert len(some) == BATCH
        await process.reaches(process.acknowledged + 3)


async def test_erasing_ends_writers_elsewhere_and_leaves_nothing(subject: Subject) -> None:
    async with writer(subject, "put") as process:
        await process.reaches(3)
        await subject.engine.erase(BASE)
        await process.refused()
    assert [path.name for path in subject.root.rglob("*")] == []
    assert await (await subject.engine.open(BASE, DIMENSIONS)).collections() == []


async def test_many_writers_in_one_process(subject: Subject) -> None:
    async def put(number: int) -> None:
        mark = (("write", str(number)),)
        chunks = [embedded(Chunk(id=f"{n}", text="t", metadata=mark)) for n in range(BATCH)]
        await subject.store.put(COLLECTION, [*chunks, embedded(Chunk(id=f"own{number}", text="t"))])
        assert await subject.store.count(COLLECTION, FieldIs("id", (f"own{number}",))) == 1

    await asyncio.gather(*(put(number) for number in range(30)))
    assert await subject.store.count(COLLECTION, EVERYTHING) == BATCH + 30
    shared = [chunk for chunk in await chunks_of(subject) if not chunk.id.startswith("own")]
    (winner,) = writes(shared)
    assert await subject.store.count(COLLECTION, MetadataIs("write", (str(winner),))) == BATCH
