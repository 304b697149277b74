"""Files: upload, progress, failure."""

from pathlib import Path

import pytest

from packhouse_connector import DocumentFailed, NotFound, Packhouse, Progress, WaitOver
from tests.connector.gateway import Gateway
from tests.connector.wire import Reply

HANDBOOK = b"Returns are taken back for 30 days.\n\nParcels leave at noon."


def test_a_file_is_taken_in_while_its_progress_is_told(ph: Packhouse, gateway: Gateway, tmp_path: Path) -> None:
    path = tmp_path / "handbook.md"
    path.write_bytes(HANDBOOK)
    kb = ph.knowledge.collection()
    told = list[Progress]()
    handle = kb.upload(path, metadata={"lang": "en", "tag": ["a", "b"]})
    assert gateway.last.body == HANDBOOK
    assert gateway.last.query == {}
    assert gateway.last.headers["x-packhouse-file-name"] == "handbook.md"
    assert gateway.last.headers["x-packhouse-metadata"] == '{"lang":"en","tag":["a","b"]}'
    document = handle.wait(progress=told.append)
    assert (document.state, document.chunks, document.size_bytes) == ("done", 2, len(HANDBOOK))
    assert (document.name, document.metadata) == ("handbook.md", {"lang": ("en",), "tag": ("a", "b")})
    assert [one.state for one in told] == ["waiting", "running", "running", "done"]
    assert [one.fraction for one in told] == [0.0, 0.5, 1.0, 1.0]
    assert ph.chat("When do parcels leave?", knowledge="default").references[0].title == "handbook.md"


def test_bytes_need_a_name_and_a_path_may_be_renamed(ph: Packhouse, gateway: Gateway, tmp_path: Path) -> None:
    kb = ph.knowledge.collection()
    with pytest.raises(TypeError, match="need a name"):
        kb.upload(HANDBOOK)
    with pytest.raises(FileNotFoundError):
        kb.upload(tmp_path / "none.txt")
    assert gateway.seen == []
    path = tmp_path / "a.txt"
    path.write_bytes(HANDBOOK)
    renamed = kb.upload(str(path), name=" Übersicht & 100%25.txt", metadata={"Straße": "50 % % 日本"}).document
    assert renamed.name == " Übersicht & 100%25.txt"
    assert renamed.metadata == {"Straße": ("50 % % 日本",)}


def test_the_same_file_again_is_recognised(ph: Packhouse) -> None:
    kb = ph.knowledge.collection()
    first = kb.upload(HANDBOOK, name="one.txt")
    again = kb.upload(HANDBOOK, name="two.txt")
    assert (first.duplicate, again.duplicate) == (False, True)
    assert again.id == first.id
    again.wait()
    assert kb.count() == 2


def test_a_file_without_text_fails_with_its_reason(ph: Packhouse) -> None:
    handle = ph.knowledge.collection().upload(b"  \n", name="empty.txt")
    with pytest.raises(DocumentFailed, match="contains no text") as caught:
        handle.wait()
    assert caught.value.code == "document_empty"
    assert caught.value.facts == {"document_id": handle.id}
    assert handle.document.failure == "document_empty"


def test_a_wait_that_ends_too_early_can_be_taken_up_again(ph: Packhouse) -> None:
    handle = ph.knowledge.collection().upload(HANDBOOK, name="one.txt")
    with pytest.raises(WaitOver) as caught:
        handle.wait(timeout_seconds=0)
    assert caught.value.facts == {"state": "waiting", "done": 0, "total": 0}
    assert handle.wait().state == "done"


def test_documents_are_listed_found_and_deleted(ph: Packhouse) -> None:
    kb = ph.knowledge.collection()
    handle = kb.upload(HANDBOOK, name="one.txt")
    handle.wait()
    assert [one.name for one in kb.documents()] == ["one.txt"]
    assert ph.knowledge.document(handle.id).document.state == "done"
    assert [chunk.document_id for chunk in kb.list()] == [handle.id, handle.id]
    handle.delete()
    assert kb.count() == 0
    with pytest.raises(NotFound):
        ph.knowledge.document(handle.id)


def test_chunks_of_a_document_are_deleted_by_its_id(ph: Packhouse) -> None:
    kb = ph.knowledge.collection()
    handle = kb.upload(HANDBOOK, name="one.txt")
    handle.wait()
    kb.insert("stays")
    assert kb.delete(document=handle.id) == 2
    assert [chunk.text for chunk in kb.list()] == ["stays"]


def test_an_upload_whose_answer_is_lost_is_sent_again(ph: Packhouse, gateway: Gateway) -> None:
    gateway.script.append(Reply(mishap="drop"))
    ph.knowledge.collection().upload(HANDBOOK, name="one.txt")
    assert [seen.body for seen in gateway.seen] == [HANDBOOK, HANDBOOK]


def test_a_document_without_a_job_is_as_far_as_its_state_says(ph: Packhouse, gateway: Gateway) -> None:
    gateway.script.append(Reply(body={"document": {"id": "doc_1", "state": "done", "chunks": 7}, "job": None}))
    handle = ph.knowledge.document("doc_1")
    assert handle.progress == Progress("done", 7, 7)
    assert handle.wait().chunks == 7
