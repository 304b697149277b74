"""Documents on their way in: durable, resumed, never doubled, and gone for good when they are deleted."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from packhouse.adapters.models.scripted import Script
from packhouse.adapters.vectors.embedded.engine import EmbeddedVectorEngine
from packhouse.domain.errors import Refused
from packhouse.domain.knowledge import EVERYTHING, Chunk, KnowledgeDocument
from packhouse.domain.units import CollectionId, DocumentId
from packhouse.services.document import NewFile
from packhouse.services.ingestion import BATCH
from tests.support.knowledge import LEASE, KnowledgeHouse, knowledge_house

pytestmark = pytest.mark.anyio

TEXT = "\n\n".join(
    f"Paragraph {n} tells of buoy {n} that was painted in {1900 + n}, and of its keeper." for n in range(60)
)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncGenerator[KnowledgeHouse]:
    async with knowledge_house(tmp_path) as made:
        yield made


def file(text: str = TEXT, name: str = "buoys.txt", **metadata: str) -> NewFile:
    return NewFile(name, "", text.encode(), tuple(metadata.items()))


async def chunks_of(house: KnowledgeHouse) -> list[Chunk]:
    page = await house.chunks.select(house.base, "default", chosen=EVERYTHING, offset=0, limit=1_000)
    return page.chunks


async def upload(house: KnowledgeHouse, new: NewFile | None = None) -> KnowledgeDocument:
    return (await house.documents.upload(house.base, "default", file=new or file())).document


async def document(house: KnowledgeHouse, id_: DocumentId) -> KnowledgeDocument:
    return (await house.documents.get(house.base, id_)).document


async def test_a_document_goes_in(house: KnowledgeHouse) -> None:
    taken = await house.documents.upload(house.base, "default", file=file(lang="en"))
    assert (taken.document.state, taken.duplicate) == ("waiting", False)
    assert taken.job is not None
    assert taken.job.subject_id == taken.document.id
    assert await house.base.store.staged(taken.document.id) == TEXT.encode()
    await house.work()
    after = await house.documents.get(house.base, taken.document.id)
    chunks = await chunks_of(house)
    assert after.document.state == "done"
    assert after.document.chunks == len(chunks) > 2 * BATCH
    assert after.job is not None
    assert (after.job.state, after.job.done, after.job.total) == ("done", len(chunks), len(chunks))
    assert [chunk.id for chunk in chunks] == [f"{taken.document.id}-{n:05}" for n in range(len(chunks))]
    assert {chunk.metadata for chunk in chunks} == {(("lang", "en"), ("title", "buoys.txt"))}
    assert await house.base.store.staged(taken.document.id) is None
    assert (await house.counted())[2] == len(chunks)


async def test_the_same_bytes_are_taken_once(house: KnowledgeHouse) -> None:
    first = await upload(house)
    again = await house.documents.upload(house.base, "default", file=file(name="other name.txt"))
    assert (again.duplicate, again.document) == (True, first)
    await house.work()
    spent = await house.tokens()
    again = await house.documents.upload(house.base, "default", file=file())
    assert (again.duplicate, again.document.state) == (True, "done")
    assert again.job is not None
    await house.work()
    assert await house.tokens() == spent
    other = await house.bases.create(house.base, "other")
    assert not (await house.documents.upload(house.base, other.id, file=file())).duplicate


async def test_the_same_bytes_with_other_metadata_change_the_document_and_its_chunks(house: KnowledgeHouse) -> None:
    first = await upload(house)
    with pytest.raises(Refused) as refused:
        await house.documents.upload(house.base, "default", file=file(lang="de"))
    assert refused.value.code == "conflict"
    await house.work()
    spent = await house.tokens()
    again = await house.documents.upload(house.base, "default", file=file(lang="de"))
    assert (again.duplicate, again.updated, again.document.id) == (True, True, first.id)
    assert (await document(house, first.id)).metadata == (("lang", "de"),)
    assert {chunk.metadata for chunk in await chunks_of(house)} == {(("lang", "de"), ("title", "buoys.txt"))}
    assert await house.tokens() == spent
    same = await house.documents.upload(house.base, "default", file=file(lang="de"))
    silent = await house.documents.upload(house.base, "default", file=file())
    assert [(each.duplicate, each.updated) for each in (same, silent)] == [(True, False)] * 2
    assert silent.document.metadata == (("lang", "de"),)


async def test_the_same_bytes_at_the_same_time_make_one_document(house: KnowledgeHouse) -> None:
    """As two gateways would do it: the calls look before either has written."""
    other = EmbeddedVectorEngine(house.installation.journals.parent / "knowledge")
    store = await other.open(house.base.pack.id, house.base.dimensions)
    bases = [house.base, replace(house.base, store=store)] * 4
    taken = await asyncio.gather(*(house.documents.upload(base, "default", file=file()) for base in bases))
    assert len({one.document.id for one in taken}) == 1
    place = (await house.base.store.collections())[0].id
    assert [one.id for one in await house.base.store.documents(place, offset=0, limit=9)] == [taken[0].document.id]
    await house.work()
    assert (await document(house, taken[0].document.id)).state == "done"
    assert (await house.counted())[2] == len(await chunks_of(house))
    await other.close()


async def test_an_upload_that_was_cut_off_before_its_job_is_taken_again(house: KnowledgeHouse) -> None:
    """As a gateway that is killed between the record and the job leaves it; the client sends it again."""
    place = (await house.base.store.collections())[0].id
    first = await upload(house)
    job = await house.claim()
    await house.jobs.fail(job, "internal", retry_after=None)
    await house.base.store.unstage(first.id)
    assert (await document(house, first.id)).state == "waiting"
    again = await house.documents.upload(house.base, "default", file=file())
    assert (again.document.id, again.duplicate) == (first.id, False)
    await house.work()
    assert (await document(house, first.id)).state == "done"
    assert len(await house.base.store.documents(place, offset=0, limit=9)) == 1


class Cut(Exception):
    """A worker is killed here."""


@pytest.mark.parametrize("at", range(1, 21))
async def test_a_worker_killed_anywhere_is_resumed_and_nothing_is_doubled(
    house: KnowledgeHouse, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """The `at`-th call to the store, the queue or the model is its last."""
    taken = await upload(house)
    job = await house.claim()
    calls = 0

    def dying(call: Callable[..., object]) -> Callable[..., object]:
        async def counted(*args: object, **named: object) -> object:
            nonlocal calls
            calls += 1
            if calls == at:
                raise Cut
            return await call(*args, **named)  # pyright: ignore[reportGeneralTypeIssues]

        return counted

    with monkeypatch.context() as patched:
        for owner, names in (
            (house.base.store, ("put", "update_document", "unstage", "staged", "document", "select")),
            (house.jobs, ("heartbeat", "finish")),
            (house.model, ("embed",)),
        ):
            for name in names:
                patched.setattr(owner, name, dying(getattr(owner, name)))
        with suppress(Cut):
            await house.ingest().run(job)
    house.clock.advance(LEASE)
    await house.work()
    chunks = await chunks_of(house)
    done = await house.documents.get(house.base, taken.id)
    assert (done.document.state, done.document.chunks) == ("done", len(chunks))
    assert done.job is not None
    assert done.job.state == "done"
    assert [chunk.ordinal for chunk in chunks] == list(range(len(chunks)))
    assert await house.base.store.staged(taken.id) is None
    embedded = (await house.counted())[2]
    assert len(chunks) - BATCH <= embedded <= len(chunks) + BATCH


async def test_another_length_of_chunks_leaves_none_of_the_old(house: KnowledgeHouse) -> None:
    """The setting was changed between two attempts."""
    await upload(house)
    job = await house.claim()
    ingest = house.ingest(100)
    with pytest.raises(Cut):
        await cut_after_batches(house, lambda: ingest.run(job), 2)
    house.clock.advance(LEASE)
    await house.ingest(400).run(await house.claim())
    chunks = await chunks_of(house)
    assert [chunk.ordinal for chunk in chunks] == list(range(len(chunks)))
    assert max(len(chunk.text) for chunk in chunks) > 200
    assert all(f"Paragraph {n} " in "\n".join(chunk.text for chunk in chunks) for n in range(60))


async def cut_after_batches(house: KnowledgeHouse, run: Callable[[], object], batches: int) -> None:
    put = house.base.store.put
    done = 0

    async def counted(collection_id: CollectionId, chunks: list[object]) -> None:
        nonlocal done
        if done == batches:
            raise Cut
        done += 1
        await put(collection_id, chunks)  # pyright: ignore[reportArgumentType]

    house.base.store.put = counted  # pyright: ignore[reportAttributeAccessIssue]
    try:
        await run()  # pyright: ignore[reportGeneralTypeIssues]
    finally:
        house.base.store.put = put


async def test_a_worker_that_lost_its_lease_stops(house: KnowledgeHouse) -> None:
    await upload(house)
    lost = await house.claim()
    house.clock.advance(LEASE)
    held = await house.claim()
    await house.ingest().run(lost)
    assert len(await chunks_of(house)) == 0
    await house.ingest().run(held)
    assert (await document(house, DocumentId(held.subject_id))).state == "done"


@pytest.mark.parametrize("batches", [0, 1, 2])
async def test_a_document_deleted_while_it_goes_in_leaves_nothing(house: KnowledgeHouse, batches: int) -> None:
    taken = await upload(house)
    job = await house.claim()
    embed = house.model.embed
    embedded = 0

    async def deleting(*args: object) -> object:
        nonlocal embedded
        if embedded == batches:
            await house.documents.delete(house.base, taken.id)
        embedded += 1
        return await embed(*args)  # pyright: ignore[reportArgumentType]

    house.model.embed = deleting  # pyright: ignore[reportAttributeAccessIssue]
    await house.ingest().run(job)
    assert await chunks_of(house) == []
    assert await house.base.store.staged(taken.id) is None
    ended = await house.jobs.job(job.id)
    assert ended is not None
    assert ended.state == "done"
    with pytest.raises(Refused):
        await document(house, taken.id)


async def test_what_a_killed_worker_left_of_a_deleted_document_goes_too(house: KnowledgeHouse) -> None:
    taken = await upload(house)
    ingest, job = house.ingest(), await house.claim()
    with pytest.raises(Cut):
        await cut_after_batches(house, lambda: ingest.run(job), 2)
    await house.base.store.delete_document(taken.id)  # and the deleting process was killed before the chunks
    assert await chunks_of(house) != []
    house.clock.advance(LEASE)
    await house.work()
    assert await chunks_of(house) == []


async def test_a_document_without_text_fails_and_says_why(house: KnowledgeHouse) -> None:
    taken = await upload(house, file(" \n "))
    await house.work()
    failed = await house.documents.get(house.base, taken.id)
    assert (failed.document.state, failed.document.failure) == ("failed", "document_empty")
    assert failed.document.failure_message
    assert failed.job is not None
    assert (failed.job.state, failed.job.failure) == ("failed", "document_empty")
    again = await house.documents.upload(house.base, "default", file=file(" \n "))
    assert (again.duplicate, again.document.id, again.document.state) == (False, taken.id, "waiting")


async def test_the_file_of_a_failed_ingestion_goes_after_seven_days_and_gives_its_disk_back(
    house: KnowledgeHouse,
) -> None:
    before = await house.base.store.disk_bytes()
    blank = file(" \n " * 200_000)
    taken = await upload(house, blank)
    await house.work()
    house.clock.advance(timedelta(days=7, seconds=-1))
    await house.work()
    assert len(await house.base.store.staged(taken.id) or b"") == 600_000
    assert await house.base.store.disk_bytes() - before > 500_000
    house.clock.advance(timedelta(seconds=1))
    await house.work()
    assert await house.base.store.staged(taken.id) is None
    assert await house.base.store.disk_bytes() - before < 100_000
    failed = await house.documents.get(house.base, taken.id)
    assert (failed.document.state, failed.document.failure) == ("failed", "document_empty")
    assert failed.job is not None
    assert failed.job.kind == "ingest"


async def test_a_file_that_was_sent_again_stays_seven_days_from_its_own_failure(house: KnowledgeHouse) -> None:
    taken = await upload(house, file(" "))
    await house.work()
    house.clock.advance(timedelta(days=6))
    await upload(house, file(" "))
    house.clock.advance(timedelta(days=1))
    await house.work()
    assert await house.base.store.staged(taken.id) == b" "
    house.clock.advance(timedelta(days=7))
    await house.work()
    assert await house.base.store.staged(taken.id) is None


async def test_an_ingestion_that_broke_for_good_says_so_and_its_file_goes_too(house: KnowledgeHouse) -> None:
    taken = await upload(house)
    job = await house.claim()
    await house.ingest().give_up(job)
    await house.jobs.fail(job, "internal", retry_after=None)
    broken = await document(house, taken.id)
    assert (broken.state, broken.failure) == ("failed", "internal")
    house.clock.advance(timedelta(days=7))
    await house.work()
    assert await house.base.store.staged(taken.id) is None


async def test_a_knowledge_base_that_is_gone_has_nothing_to_unstage(house: KnowledgeHouse) -> None:
    await upload(house, file(" "))
    await house.work()
    house.installation.sql("UPDATE resource SET deprovisioned_at = 1 WHERE id = 'res_base'")
    house.clock.advance(timedelta(days=8))
    await house.work()
    assert house.installation.sql("SELECT DISTINCT state FROM job WHERE kind = 'unstage'") == [("done",)]


async def test_what_may_pass_is_tried_again(tmp_path: Path) -> None:
    script = Script(when="Paragraph 40", fails_with="provider_unreachable")
    async with knowledge_house(tmp_path, script) as house:
        taken = await upload(house)
        await house.work()
        waiting = await house.documents.get(house.base, taken.id)
        assert waiting.job is not None
        assert (waiting.job.state, waiting.job.failure) == ("waiting", "provider_unreachable")
        some = len(await chunks_of(house))
        assert some > 0
        house.model._scripts = ()  # the provider is back
        house.clock.advance(timedelta(minutes=1))
        await house.work()
        assert (await document(house, taken.id)).state == "done"
        assert (await house.counted())[2] == len(await chunks_of(house)) > some


async def test_an_exhausted_embeddings_pack_is_said_and_resumed_when_sent_again(tmp_path: Path) -> None:
    async with knowledge_house(tmp_path, tokens=1_700) as house:
        taken = await upload(house)
        await house.work()
        failed = await document(house, taken.id)
        assert (failed.state, failed.failure) == ("failed", "quota_exhausted")
        some = len(await chunks_of(house))
        assert some > 0
        house.installation.sql("UPDATE resource_limit SET limit_amount = 1000000")
        house.installation.changed()
        await house.upkeep.news()
        await upload(house)
        await house.work()
        assert (await document(house, taken.id)).state == "done"
        assert (await house.counted())[2] == len(await chunks_of(house)) > some


async def test_many_documents_at_once(house: KnowledgeHouse) -> None:
    taken = [await upload(house, file(f"Report {n}.\n\n{TEXT}", f"{n}.txt")) for n in range(6)]
    await asyncio.gather(house.work(), house.work())
    assert {(await document(house, each.id)).state for each in taken} == {"done"}
    chunks = await chunks_of(house)
    assert len({chunk.id for chunk in chunks}) == len(chunks)
    await house.documents.delete(house.base, taken[0].id)
    left = await chunks_of(house)
    assert len(chunks) * 5 / 6 == pytest.approx(len(left), abs=3)
    assert all(chunk.document_id != taken[0].id for chunk in left)


@pytest.mark.parametrize(
    ("new", "code"),
    [
        (NewFile("", "", b"x"), "invalid_request"),
        (NewFile("x" * 256, "", b"x"), "invalid_request"),
        (NewFile("a\nb", "", b"x"), "invalid_request"),
        (NewFile("a.txt", "", b""), "document_empty"),
        (NewFile("a.txt", "", b"x", (("$id", "x"),)), "invalid_request"),
    ],
)
async def test_uploads_that_are_refused_leave_nothing(house: KnowledgeHouse, new: NewFile, code: str) -> None:
    with pytest.raises(Refused) as refused:
        await upload(house, new)
    assert refused.value.code == code
    assert await house.documents.list(house.base, "default", offset=0, limit=9) == []
