"""Vector engines: document records and staged files."""

import asyncio
from datetime import timedelta

import pytest
from msgspec.structs import replace

from packhouse.domain.errors import Refused
from packhouse.domain.knowledge import KnowledgeDocument
from packhouse.domain.units import CollectionId, DocumentId
from tests.support.vectors import BASE, COLLECTION, CREATED_AT, DIMENSIONS, OTHER, Kind, Subject, collection

pytestmark = pytest.mark.anyio


def document(number: int = 1, **changes: object) -> KnowledgeDocument:
    made = KnowledgeDocument(
        id=DocumentId(f"doc_{number}"),
        collection_id=COLLECTION,
        name="it's ünïcode.pdf",
        media_type="application/pdf",
        digest=f"{number:064x}",
        size_bytes=2**40,
        state="waiting",
        created_at=CREATED_AT + timedelta(seconds=number, microseconds=1),
        metadata=(("k", "v"), ("k", "="), ("", "\x00")),
    )
    return replace(made, **changes)


async def test_a_record_comes_back_as_it_was(subject: Subject) -> None:
    store = subject.store
    await store.put_document(document())
    assert await store.document(DocumentId("doc_1")) == document()
    failed = document(state="failed", chunks=7, failure="document_empty", failure_message="No text.", metadata=())
    await store.put_document(failed)
    assert await store.document(DocumentId("doc_1")) == failed
    assert await store.document(DocumentId("doc_2")) is None


async def test_updating_never_brings_a_deleted_record_back(subject: Subject) -> None:
    assert not await subject.store.update_document(document())
    await subject.store.put_document(document())
    assert await subject.store.update_document(document(state="done", chunks=3))
    assert await subject.store.document(DocumentId("doc_1")) == document(state="done", chunks=3)
    await subject.store.delete_document(DocumentId("doc_1"))
    assert not await subject.store.update_document(document(state="done"))
    assert await subject.store.document(DocumentId("doc_1")) is None


async def test_records_come_newest_first_and_by_page(subject: Subject) -> None:
    await subject.store.create_collection(collection(OTHER, "other"))
    for number in (3, 1, 2, 5, 4):
        await subject.store.put_document(document(number))
    await subject.store.put_document(document(9, collection_id=OTHER))
    page = await subject.store.documents(COLLECTION, offset=1, limit=3)
    assert [each.id for each in page] == ["doc_4", "doc_3", "doc_2"]
    assert await subject.store.documents(COLLECTION, offset=5, limit=3) == []
    assert await subject.store.documents(CollectionId("col_none"), offset=0, limit=3) == []


async def test_the_same_bytes_are_recognised_within_a_collection(subject: Subject) -> None:
    await subject.store.create_collection(collection(OTHER, "other"))
    await subject.store.put_document(document(1, digest="same"))
    await subject.store.put_document(document(2, digest="same"))
    assert await subject.store.document_by_digest(COLLECTION, "same") == document(2, digest="same")
    assert await subject.store.document_by_digest(OTHER, "same") is None
    assert await subject.store.document_by_digest(COLLECTION, "other") is None


async def test_of_the_same_bytes_added_at_once_one_is(subject: Subject) -> None:
    await subject.store.create_collection(collection(OTHER, "other"))
    numbers = range(1, 9)
    added = await asyncio.gather(*(subject.store.add_document(document(one, digest="same")) for one in numbers))
    assert sum(added) == 1
    (kept,) = await subject.store.documents(COLLECTION, offset=0, limit=9)
    assert kept == document(numbers[added.index(True)], digest="same")
    assert await subject.store.add_document(document(20, digest="other"))
    assert await subject.store.add_document(document(21, digest="same", collection_id=OTHER))
    with pytest.raises(Refused) as refused:
        await subject.store.add_document(document(22, collection_id=CollectionId("col_none")))
    assert refused.value.code == "not_found"


async def test_records_need_their_collection_and_go_with_it(subject: Subject) -> None:
    with pytest.raises(Refused) as refused:
        await subject.store.put_document(document(collection_id=OTHER))
    assert refused.value.code == "not_found"
    await subject.store.put_document(document())
    await subject.store.stage(DocumentId("doc_1"), b"bytes")
    await subject.store.delete_collection(COLLECTION)
    assert await subject.store.document(DocumentId("doc_1")) is None
    assert await subject.store.staged(DocumentId("doc_1")) is None


async def test_staged_files_stay_until_they_are_taken_away(vector_kind: Kind, subject: Subject) -> None:
    store, id_ = subject.store, DocumentId("doc_1")
    assert await store.staged(id_) is None
    await store.unstage(id_)
    await store.stage(id_, b"first")
    await store.stage(id_, bytes(range(256)) * 5_000)
    elsewhere = vector_kind.engine(subject.root)
    assert await (await elsewhere.open(BASE, DIMENSIONS)).staged(id_) == bytes(range(256)) * 5_000
    await elsewhere.close()
    await store.unstage(id_)
    assert await store.staged(id_) is None
    await store.put_document(document())
    await store.stage(id_, b"")
    assert await store.staged(id_) == b""
    await store.delete_document(id_)
    await store.delete_document(id_)
    assert await store.staged(id_) is None


async def test_no_id_leads_out_of_the_knowledge_base(subject: Subject) -> None:
    for bad in ("../x", "a/b", "", ".", "a\x00"):
        with pytest.raises(Refused) as refused:
            await subject.store.stage(DocumentId(bad), b"x")
        assert refused.value.code == "not_found"
