"""Which chunks a deletion by object means: those that replacing the object would replace."""

import pytest

from packhouse.domain.knowledge import Chunk, ObjectRef
from packhouse.domain.knowledge_filter import matches
from packhouse.entrypoints.gateway.knowledge.convert import chosen_of, chunk_of
from packhouse.entrypoints.gateway.knowledge.wire import InChunk, InDeletion, InObject

CHUNKS = [
    Chunk(id="typed", text="x", object=ObjectRef("7", "page")),
    chunk_of(InChunk(id="untyped", text="x", object=InObject("7"))),
    Chunk(id="other", text="x", object=ObjectRef("8", "page")),
    Chunk(id="none", text="x"),
]


@pytest.mark.parametrize(
    ("deletion", "gone"),
    [
        (InDeletion(object=InObject("7")), ["untyped"]),
        (InDeletion(object=InObject("7", "")), ["untyped"]),
        (InDeletion(object=InObject("7", "page")), ["typed"]),
        (InDeletion(objects=[InObject("7"), InObject("8", "page")]), ["untyped", "other"]),
        (InDeletion(filter={"$object_id": "7"}), ["typed", "untyped"]),
    ],
)
def test_an_object_is_its_id_and_its_type(deletion: InDeletion, gone: list[str]) -> None:
    chosen = chosen_of(deletion)
    assert [chunk.id for chunk in CHUNKS if matches(chosen, chunk)] == gone
