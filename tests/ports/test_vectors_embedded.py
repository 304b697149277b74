"""The embedded engine's own: what it costs to list, when it tidies, its files and locks."""

import asyncio
import os
import sys
from pathlib import Path

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.adapters.vectors.embedded import engine as engine_module
from packhouse.adapters.vectors.embedded import upkeep
from packhouse.adapters.vectors.embedded.durable import disk_bytes, remove_directory, remove_leftovers, write_whole
from packhouse.adapters.vectors.embedded.engine import EmbeddedVectorEngine
from packhouse.adapters.vectors.embedded.filters import label, pair, to_sql
from packhouse.adapters.vectors.embedded.locks import locked, locked_if_free
from packhouse.adapters.vectors.embedded.routing import Tuning, route
from packhouse.domain.errors import Refused
from packhouse.domain.knowledge import EVERYTHING, All, AnyOf, Chunk, MetadataIs, Not
from packhouse.domain.units import ResourceId
from tests.support.needs import ROOT
from tests.support.vectors import BASE, COLLECTION, DIMENSIONS, collection, embedded

LISTING = """
import asyncio, pathlib, sys
from packhouse.adapters.vectors.embedded.engine import EmbeddedVectorEngine

async def main():
    engine = EmbeddedVectorEngine(pathlib.Path(sys.argv[1]))
    store = await engine.open("res_1", 16)
    print([each.chunks for each in await store.collections()], await store.disk_bytes() > 0)
    print(await store.documents("col_1", offset=0, limit=9), await store.staged("doc_1"))
    print(sorted({"lancedb", "pyarrow", "numpy", "sqlalchemy"} & sys.modules.keys()))
    await engine.close()

asyncio.run(main())
"""


@pytest.mark.anyio
async def test_listing_never_loads_the_library(tmp_path: Path) -> None:
    engine = EmbeddedVectorEngine(tmp_path)
    store = await engine.open(BASE, DIMENSIONS)
    await store.create_collection(collection())
    await store.put(COLLECTION, [embedded(Chunk(id=str(n), text="t")) for n in range(7)])
    await store.upkeep.tidy(COLLECTION)
    await engine.close()
    listed = await anyio.run_process([sys.executable, "-c", LISTING, str(tmp_path)], cwd=ROOT)
    assert listed.stdout.decode().splitlines() == ["[7] True", "[] None", "[]"]


@pytest.mark.anyio
async def test_many_commits_are_joined_by_themselves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "COMMITS_MAX", 12)
    engine = EmbeddedVectorEngine(tmp_path, tuning=Tuning(field_indices_from_chunks=5))
    store = await engine.open(BASE, DIMENSIONS)
    await store.create_collection(collection())
    data = tmp_path / BASE / "chunks" / f"{COLLECTION}.lance"
    for number in range(13):
        await store.put(COLLECTION, [embedded(Chunk(id=str(number), text="t"))])
    for _ in range(200):
        if any("values" in path.read_bytes().decode("latin-1") for path in (data / "_versions").glob("*.manifest")):
            break
        await asyncio.sleep(0.05)
    await store.upkeep.close()
    assert await store.count(COLLECTION, Not(MetadataIs("k", ("v",)))) == 13
    assert len(list((data / "_indices").iterdir())) > 2
    await engine.close()


@pytest.mark.anyio
async def test_more_knowledge_bases_than_are_kept_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "OPEN_MAX", 2)
    engine = EmbeddedVectorEngine(tmp_path)
    names = [ResourceId(f"res_{n}") for n in range(6)]
    stores = [await engine.open(name, DIMENSIONS) for name in names]
    for store in stores:
        await store.create_collection(collection())
        await store.put(COLLECTION, [embedded(Chunk(id="a", text="t"))])
    again = await engine.open(names[0], DIMENSIONS)
    assert [each.chunks for each in await again.collections()] == [1]
    assert await stores[0].count(COLLECTION, EVERYTHING) == 1
    await engine.close()


@pytest.mark.anyio
async def test_erasing_one_keeps_nobody_from_another(tmp_path: Path) -> None:
    engine = EmbeddedVectorEngine(tmp_path)
    await engine.open(BASE, DIMENSIONS)
    with locked(tmp_path / BASE / "lock", shared=True):  # a write that takes its time
        erasing = asyncio.create_task(engine.erase(BASE))
        async with asyncio.timeout(20):
            while not (tmp_path / BASE / "erasing").exists():  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            other = await engine.open(ResourceId("res_2"), DIMENSIONS)
            await other.create_collection(collection())
        assert not erasing.done()
    await erasing
    assert not (tmp_path / BASE).exists()
    await engine.close()


@pytest.mark.anyio
async def test_an_erasing_that_was_cut_short_is_finished_first(tmp_path: Path) -> None:
    engine = EmbeddedVectorEngine(tmp_path)
    store = await engine.open(BASE, DIMENSIONS)
    await store.create_collection(collection())
    (tmp_path / BASE / "erasing").touch()
    with pytest.raises(Refused) as refused:
        await store.collections()
    assert refused.value.code == "not_found"
    assert await (await engine.open(BASE, DIMENSIONS)).collections() == []
    await engine.close()


def test_locks_exclude_threads_and_survive_removal(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with locked(lock, shared=True), locked(lock, shared=True), locked_if_free(lock) as free:
        assert not free
    with locked(lock):
        with pytest.raises(Refused), locked(lock, shared=True, wait_seconds=0.02):
            pass
        lock.unlink()
        with locked(lock, wait_seconds=0.02):
            assert lock.exists()
    with locked_if_free(lock) as free:
        assert free
    with locked_if_free(tmp_path / "gone" / "lock") as free:
        assert not free


def test_files_are_written_whole_and_directories_vanish_at_once(tmp_path: Path) -> None:
    write_whole(tmp_path / "a", b"1")
    write_whole(tmp_path / "a", b"22")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a": b"22"}
    (tmp_path / "d" / "e").mkdir(parents=True)
    write_whole(tmp_path / "d" / "e" / "f", os.urandom(100_000))
    assert disk_bytes(tmp_path) >= 100_000
    (tmp_path / "d").rename(tmp_path / ".removed-d-1")  # a removal that was cut short
    remove_leftovers(tmp_path)
    remove_directory(tmp_path / "d")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@given(st.text(), st.text())
def test_labels_are_read_back(key: str, value: str) -> None:
    assert pair(label(key, value)) == (key, value)


@given(st.tuples(st.text("=\\a"), st.text("=\\a")), st.tuples(st.text("=\\a"), st.text("=\\a")))
def test_no_two_pairs_share_a_label(one: tuple[str, str], two: tuple[str, str]) -> None:
    assert (label(*one) == label(*two)) == (one == two)


def test_filters_that_are_decided_need_no_look() -> None:
    assert to_sql(EVERYTHING) is True
    assert to_sql(AnyOf((AnyOf(), Not(EVERYTHING)))) is False
    assert to_sql(All((EVERYTHING, MetadataIs("k", ("it's",))))) == "array_has_any(labels, ['k=it''s'])"
    assert "NOT (" not in str(to_sql(Not(All((MetadataIs("a", ("1",)), Not(MetadataIs("b", ("2",))))))))


@pytest.mark.parametrize(
    ("total", "passing", "probes"),
    [
        (1_000, 1_000, None),
        (20_000, 20_000, None),
        (1_000_000, 10_000, None),
        (1_000_000, 1_000_000, 20),
        (1_000_000, 500_000, 40),
        (1_000_000, 11_000, 245),
    ],
)
def test_rarer_chunks_are_sought_in_more_places(total: int, passing: int, probes: int | None) -> None:
    assert route(total, passing, max_results=10, tuning=Tuning()).probes == probes


def test_few_results_are_chosen_from_enough_candidates() -> None:
    assert route(10**6, 10**6, max_results=1, tuning=Tuning()).refine == 100
    assert route(10**6, 10**6, max_results=100, tuning=Tuning()).refine == 5
