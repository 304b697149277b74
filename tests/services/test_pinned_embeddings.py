"""A knowledge base embeds with the model that it was provisioned with, whatever becomes of its embeddings pack."""

import dataclasses
from collections.abc import AsyncGenerator
from datetime import date
from pathlib import Path

import pytest
from msgspec.structs import replace

from packhouse.adapters.catalog.toml import read_catalog
from packhouse.adapters.outside.ids import SystemIds
from packhouse.domain.errors import Refused
from packhouse.domain.knowledge import Chunk
from packhouse.domain.units import ResourceId
from packhouse.services.control import control
from packhouse.services.embeddings import Embeddings
from packhouse.services.gate import Gate
from packhouse.services.knowledge import KnowledgeBase, KnowledgeBases
from packhouse.services.models import Adapters, Models
from packhouse.services.order import EmbeddingsOrder
from packhouse.services.resource import Changes
from packhouse.services.search import Search, SearchRequest
from tests.services.conftest import House
from tests.support.knowledge import KnowledgeHouse, knowledge_house

pytestmark = pytest.mark.anyio

V4, V3 = "cohere-embed-v4", "cohere-embed-english-v3"
GULL = Chunk(id="gull", text="The herring gull steals chips.")
COD = Chunk(id="cod", text="The cod swims in cold deep water.")


# provisioning


async def cohere(house: House) -> House:
    for terms in ("aws-bedrock", "cohere"):
        await house.services.terms.accept(house.admin, house.company.id, terms_id=terms, version="1")
    return house


async def test_provisioning_pins_the_model_and_its_dimensions(house: House) -> None:
    await cohere(house)
    pack_id = await house.provision(type="embeddings", display_name="Vectors", model=V4)
    base_id = await house.knowledge_base(pack_id)
    new = EmbeddingsOrder(display_name="More", model=V3, plan="S")
    other_id = await house.provision(
        type="knowledge_base", display_name="Other", model="", plan="Standard", embeddings=new
    )
    pinned = [(await house.services.resources.get(house.admin, one)).resource for one in (base_id, other_id)]
    assert [(one.model, one.embeddings_model, one.embeddings_dimensions) for one in pinned] == [
        ("", V4, 1536),
        ("", V3, 1024),
    ]
    changed = await house.services.resources.change(house.admin, pack_id, changes=Changes(model=V3))
    assert changed.resource.model == V3
    assert (await house.services.resources.get(house.admin, base_id)).resource.embeddings_model == V4


async def test_the_model_of_a_pack_stays_where_a_knowledge_base_from_before_needs_it(house: House) -> None:
    await cohere(house)
    pack_id = await house.provision(type="embeddings", display_name="Vectors", model=V4)
    base_id = await house.knowledge_base(pack_id)
    async with house.context.writing(house.admin) as act:
        base = await act.work.resources.get(base_id)
        assert base is not None
        await act.work.resources.replace(replace(base, embeddings_model="", embeddings_dimensions=0))
    with pytest.raises(Refused) as refused:
        await house.services.resources.change(house.admin, pack_id, changes=Changes(model=V3))
    assert refused.value.code == "conflict"


async def test_a_model_of_unknown_dimensions_cannot_be_pinned(house: House) -> None:
    unknown = replace(house.context.catalog.model("local-embeddings"), id="unknown", dimensions=())
    services = control(dataclasses.replace(house.context, catalog=house.context.catalog.with_model(unknown)))
    pack = await services.provisioning.provision(
        house.admin, house.order(type="embeddings", display_name="Vectors", model="unknown")
    )
    order = house.order(type="knowledge_base", model="", plan="Standard", embeddings_resource_id=pack.resource.id)
    with pytest.raises(Refused) as refused:
        await services.provisioning.provision(house.admin, order)
    assert (refused.value.code, "dimensions" in refused.value.message) == ("invalid_request", True)


# embedding


@pytest.fixture
async def house_of_two(tmp_path: Path) -> AsyncGenerator[KnowledgeHouse]:
    """With a knowledge base `res_pinned` on the pack `res_two`, both of Cohere's v4, at 1,024 dimensions."""
    async with knowledge_house(tmp_path) as made:
        made.installation.pack("res_two", "embeddings", {"input": 1_000_000}, model=V4)
        made.installation.pack("res_pinned", "knowledge_base", {}, model="")
        pinned = f"embeddings_model = '{V4}', embeddings_dimensions = 1024, embeddings_resource_id = 'res_two'"
        made.installation.sql(f"UPDATE resource SET {pinned} WHERE id = 'res_pinned'")
        yield made


async def opened(house: KnowledgeHouse, bases: KnowledgeBases) -> KnowledgeBase:
    packs = [await house.meter.pack(ResourceId(one)) for one in ("res_pinned", "res_two")]
    return await bases.open(*packs, key_id=None)


async def models_booked(house: KnowledgeHouse) -> list[object]:
    await house.upkeep.drain()
    return [row[0] for row in house.installation.sql("SELECT DISTINCT model FROM usage_record")]


async def test_a_change_of_the_pack_changes_nothing_for_the_knowledge_base(house_of_two: KnowledgeHouse) -> None:
    house = house_of_two
    await house.chunks.insert(await opened(house, house.bases), "default", chunks=[GULL])
    house.installation.sql(f"UPDATE resource SET model = '{V3}' WHERE id = 'res_two'")
    house.installation.changed()
    base = await opened(house, house.bases)
    assert (base.model, base.dimensions) == (V4, 1024)
    await house.chunks.insert(base, "default", chunks=[COD])
    searched = await house.search.search(base, SearchRequest(text="the herring gull steals chips"))
    assert [one.chunk.id for one in searched.found][:1] == ["gull"]
    assert await models_booked(house) == [V4]


async def test_a_pinned_model_that_is_gone_is_a_clear_no_for_vectors_alone(house_of_two: KnowledgeHouse) -> None:
    house = house_of_two
    await house.chunks.insert(await opened(house, house.bases), "default", chunks=[GULL])
    house.installation.sql(f"UPDATE resource SET model = '{V3}' WHERE id = 'res_two'")
    known = read_catalog(None)
    ended = replace(known.model(V4), end_of_life_on=date(2026, 11, 1))
    without = replace(known, models=tuple(one for one in known.models if one.id != V4))
    for catalog in (known.with_model(ended), without):
        models = Models(catalog, house.clock, adapters=Adapters())
        bases = KnowledgeBases(house.engine, models, clock=house.clock, ids=SystemIds(house.clock))
        base = await opened(house, bases)
        search = Search(bases, Embeddings(Gate(house.meter), models), meter=house.meter)
        worded = await search.search(base, SearchRequest(text="herring", mode="keyword"))
        assert [one.chunk.id for one in worded.found] == ["gull"]
        with pytest.raises(Refused) as refused:
            await search.search(base, SearchRequest(text="herring"))
        assert refused.value.code == "model_ended"
        assert f"embeds with {V4}" in refused.value.message
