"""The adapters that the contracts of this floor are held to."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.support.vectors import BASE, DIMENSIONS, KINDS, Kind, Subject, collection


@pytest.fixture(params=sorted(KINDS))
def vector_kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


@pytest.fixture
async def subject(vector_kind: Kind, tmp_path: Path) -> AsyncGenerator[Subject, None]:
    engine = vector_kind.engine(tmp_path)
    store = await engine.open(BASE, DIMENSIONS)
    await store.create_collection(collection())
    yield Subject(vector_kind, tmp_path, engine, store)
    await engine.close()
