"""Embeddings as services use them: what a knowledge base says its vectors are for, and what needs a vocabulary."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from packhouse.adapters.catalog.toml import read_catalog
from packhouse.adapters.outside.ids import SystemIds
from packhouse.domain.embedding import EmbedRequest
from packhouse.domain.errors import Refused
from packhouse.domain.knowledge import Chunk
from packhouse.services.chunk import Chunks
from packhouse.services.embeddings import Embeddings
from packhouse.services.gate import Gate
from packhouse.services.models import Adapters, Models
from packhouse.services.search import Search, SearchRequest
from tests.support.asked import Asked
from tests.support.knowledge import KnowledgeHouse, knowledge_house

pytestmark = pytest.mark.anyio


@pytest.fixture
async def house(tmp_path: Path) -> AsyncGenerator[KnowledgeHouse]:
    async with knowledge_house(tmp_path) as made:
        yield made


@pytest.fixture
def model() -> Asked:
    return Asked(dimensions=512)


@pytest.fixture
def embeddings(house: KnowledgeHouse, model: Asked) -> Embeddings:
    """Without a vocabulary for token numbers."""
    adapters = Adapters(embeddings={("local", "eu-central-1"): model})
    return Embeddings(Gate(house.meter), Models(read_catalog(None), house.clock, adapters=adapters))


async def test_what_is_inserted_is_a_document_and_what_is_searched_for_a_query(
    house: KnowledgeHouse, model: Asked, embeddings: Embeddings
) -> None:
    chunks = Chunks(house.bases, embeddings, meter=house.meter, ids=SystemIds(house.clock))
    search = Search(house.bases, embeddings, meter=house.meter)
    await chunks.insert(house.base, "default", chunks=[Chunk(id="1", text="Buoy seven is green.")])
    found = await search.search(house.base, SearchRequest(text="Buoy seven is green."))
    assert [each.chunk.id for each in found.found] == ["1"]
    assert [(each.input_type, each.types) for each in model.requests] == [
        ("search_document", ("float",)),
        ("search_query", ("float",)),
    ]


async def test_token_numbers_need_a_vocabulary(house: KnowledgeHouse, model: Asked, embeddings: Embeddings) -> None:
    with pytest.raises(Refused) as caught:
        await embeddings.embed(house.base.embeddings, None, request=EmbedRequest(model="", inputs=((1, 2),)))
    assert caught.value.code == "unsupported"
    assert model.requests == []


async def test_nothing_is_nothing_to_embed(house: KnowledgeHouse, model: Asked, embeddings: Embeddings) -> None:
    with pytest.raises(Refused) as caught:
        await embeddings.embed(house.base.embeddings, None, request=EmbedRequest(model="", inputs=()))
    assert (caught.value.code, model.requests) == ("invalid_request", [])
