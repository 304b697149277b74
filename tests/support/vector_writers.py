"""Programs for processes of their own that write to a knowledge base until they are killed.

`python -m tests.support.vector_writers KIND ROOT PROGRAM SEED`; after each acknowledged write a line on standard
output says its number.
"""

import asyncio
import sys
from pathlib import Path

from packhouse.domain.knowledge import Chunk, FieldIs, ObjectRef
from packhouse.ports.vectors import KnowledgeStore
from tests.support.vectors import BASE, COLLECTION, DIMENSIONS, KINDS, Kind, embedded

BATCH = 12
OBJECT = ObjectRef("o", "page")


def batch(program: str, number: int, seed: int) -> list[Chunk]:
    """What one write puts in; a writer's chunks carry its seed."""
    marks = (("write", f"{seed}-{number}"),)
    match program:
        case "put" | "delete":
            return [Chunk(id=f"{seed}-{number}-{n}", text="walrus", metadata=marks) for n in range(BATCH)]
        case "replace":
            return [Chunk(id=f"{number}-{n}", text="walrus", object=OBJECT, metadata=marks) for n in range(BATCH)]
        case "repopulate":
            return [Chunk(id=f"{n}", text="walrus", metadata=marks) for n in range(number % 7 + 1)]
        case _:  # "same": every writer the same ids
            return [Chunk(id=f"{n}", text="walrus", metadata=marks) for n in range(BATCH)]


async def write(store: KnowledgeStore, program: str, *, number: int, seed: int) -> None:
    chunks = [embedded(chunk) for chunk in batch(program, number, seed)]
    match program:
        case "replace":
            await store.replace_objects(COLLECTION, chunks)
        case "repopulate":
            await store.repopulate(COLLECTION, chunks)
        case "delete":
            await store.put(COLLECTION, chunks)
            await store.delete(COLLECTION, FieldIs("id", tuple(each.chunk.id for each in chunks)))
        case _:
            await store.put(COLLECTION, chunks)


async def run(kind: Kind, root: Path, *, program: str, seed: int) -> None:
    engine = kind.engine(root)
    store = await engine.open(BASE, DIMENSIONS)
    number = 0
    while True:
        if program == "settle":
            await kind.settle(store, COLLECTION)
            await asyncio.sleep(0.01)
        else:
            await write(store, program, number=number, seed=seed)
        print(number, flush=True)  # noqa: T201
        number += 1


if __name__ == "__main__":
    name, directory, program_, seed_ = sys.argv[1:]
    asyncio.run(run(KINDS[name], Path(directory), program=program_, seed=int(seed_)))
