"""Cohere's simulator, called by the `cohere` client; every answer is held against Cohere's own description."""

import base64
from typing import Any

import cohere
import cohere.core
import httpx
import pytest

from packhouse.simulators import Simulator, simulator
from tests.simulators.clients import cohere_client, cohere_v1_client
from tests.simulators.shapes import check_cohere

pytestmark = [pytest.mark.anyio, pytest.mark.needs("specs")]

TYPES: Any = ["float", "int8", "uint8", "binary", "ubinary", "base64"]
IMAGE = "data:image/png;base64," + base64.b64encode(b"not looked at").decode()


@pytest.fixture
async def sim() -> Any:
    async with simulator("cohere") as running:
        yield running


async def raw(sim: Simulator, path: str, body: dict[str, Any]) -> httpx.Response:
    async with httpx.AsyncClient(headers={"authorization": f"Bearer {sim.credentials.key}"}) as http:
        return await http.post(sim.url + path, json=body)


@pytest.mark.parametrize("dimensions", [256, 512, 1024, 1536])
async def test_every_type_and_dimension(sim: Simulator, dimensions: int) -> None:
    async with cohere_client(sim) as client:
        answer = await client.embed(
            model="embed-v4.0",
            texts=["Hello there", "Bye"],
            input_type="search_document",
            embedding_types=TYPES,
            output_dimension=dimensions,
        )
    found = answer.embeddings
    for vectors in (found.float_, found.int8, found.uint8):
        assert vectors
        assert [len(it) for it in vectors] == [dimensions] * 2
    for vectors in (found.binary, found.ubinary):
        assert vectors
        assert [len(it) for it in vectors] == [dimensions // 8] * 2
    assert found.base64
    assert len(base64.b64decode(found.base64[0])) == dimensions * 4
    assert found.float_
    assert sum(cell * cell for cell in found.float_[0]) == pytest.approx(1.0)
    assert answer.meta
    assert answer.meta.billed_units
    assert answer.meta.billed_units.input_tokens == 4


async def test_answers_are_as_described(sim: Simulator) -> None:
    body = {"model": "embed-v4.0", "texts": ["Hello there"], "input_type": "search_query"}
    newest = await raw(sim, "/v2/embed", {**body, "embedding_types": TYPES})
    check_cohere("EmbedByTypeResponse", newest.json())
    assert (newest.headers["num_tokens"], newest.headers["num_chars"]) == ("3", "11")
    first = await raw(sim, "/v1/embed", body)
    check_cohere("EmbedFloatsResponse", first.json())
    assert first.json()["meta"]["api_version"]["version"] == "1"
    by_type = await raw(sim, "/v1/embed", {**body, "embedding_types": ["int8"]})
    check_cohere("EmbedByTypeResponse", by_type.json())


async def test_the_first_version_by_its_client(sim: Simulator) -> None:
    async with cohere_v1_client(sim) as client:
        answer = await client.embed(model="embed-english-v3.0", texts=["Hi"], input_type="search_query")
    assert answer.response_type == "embeddings_floats"
    assert len(answer.embeddings[0]) == 1024


async def test_images_and_mixed_inputs(sim: Simulator) -> None:
    image = await raw(sim, "/v2/embed", {"model": "embed-v4.0", "images": [IMAGE], "input_type": "image"})
    assert image.json()["meta"]["billed_units"] == {"input_tokens": 0, "image_tokens": 1_000}
    content = [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": IMAGE}}]
    body = {"model": "embed-v4.0", "inputs": [{"content": content}], "input_type": "search_document"}
    mixed = await raw(sim, "/v2/embed", body)
    assert len(mixed.json()["embeddings"]["float"]) == 1
    assert mixed.json()["meta"]["billed_units"] == {"input_tokens": 1, "image_tokens": 1_000}


async def test_what_is_too_long_is_cut_if_it_may(sim: Simulator) -> None:
    long = "start " + "x" * 4_000 + " end"
    body = {"model": "embed-english-v3.0", "texts": [long], "input_type": "search_query"}
    refused = await raw(sim, "/v2/embed", {**body, "truncate": "NONE"})
    assert (refused.status_code, "too long" in refused.json()["message"]) == (400, True)
    cuts = [await raw(sim, "/v2/embed", {**body, "truncate": where}) for where in ("START", "END")]
    assert [cut.json()["meta"]["billed_units"]["input_tokens"] for cut in cuts] == [512, 512]
    assert cuts[0].json()["embeddings"] != cuts[1].json()["embeddings"]


@pytest.mark.parametrize(
    ("change", "status", "message"),
    [
        ({"model": "nonexistent"}, 404, "model 'nonexistent' not found"),
        ({"texts": ["a"] * 97}, 400, "at most 96"),
        ({"input_type": None}, 400, "input_type"),
        ({"output_dimension": 300}, 400, "output_dimension"),
        ({"strange": 1}, 400, "strange"),
    ],
)
async def test_refusals(sim: Simulator, *, change: dict[str, Any], status: int, message: str) -> None:
    body = {"model": "embed-v4.0", "texts": ["a"], "input_type": "search_query", **change}
    refused = await raw(sim, "/v2/embed", body)
    assert refused.status_code == status
    assert message in refused.json()["message"]
    assert refused.json().keys() == {"id", "message"}


async def test_keys(sim: Simulator) -> None:
    async with cohere.AsyncClientV2(base_url=sim.url, api_key="other") as client:
        with pytest.raises(cohere.core.ApiError) as caught:
            await client.embed(model="embed-v4.0", texts=["a"], input_type="search_query", embedding_types=["float"])
    assert caught.value.status_code == 401
