"""Embeddings through the gateway: the unmodified `openai` client, and what no model is asked for in vain."""

import base64
from array import array
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from packhouse.adapters.models.scripted import Script, Scripted
from tests.support.embed_gateway import EmbedGateway, embed_gateway
from tests.support.specs import openai_schema

pytestmark = pytest.mark.anyio

HELLO_WORLD = [15339, 1917]
"""What OpenAI's tokenizer makes of `hello world`."""


@pytest.fixture
async def gate(tmp_path: Path) -> AsyncGenerator[EmbedGateway]:
    async with embed_gateway(tmp_path) as running:
        yield running


FOREIGN = pytest.param([[100_257]], marks=pytest.mark.needs("cl100k"))
"""Not of the vocabulary."""


async def post(gate: EmbedGateway, path: str, body: Any, key: str = "v4") -> httpx.Response:
    async with httpx.AsyncClient(headers={"authorization": f"Bearer {gate.keys[key]}"}) as http:
        return await http.post(gate.url + path, json=body)


def code_of(answer: httpx.Response) -> str:
    body = answer.json()
    return body.get("error", body)["code"]


@pytest.mark.parametrize("dimensions", [256, 512, 1024, 1536])
async def test_floats_and_base64_are_the_same_vectors(gate: EmbedGateway, dimensions: int) -> None:
    client = gate.openai()
    texts = ["a harbour at night", "bread"]
    packed = await client.embeddings.create(model="default", input=texts, dimensions=dimensions)
    listed = await client.embeddings.create(
        model="cohere-embed-v4", input=texts, dimensions=dimensions, encoding_format="float", user="someone"
    )
    assert [len(each.embedding) for each in packed.data] == [dimensions] * 2
    assert [array("f", each.embedding) for each in packed.data] == [array("f", each.embedding) for each in listed.data]
    assert [each.index for each in listed.data] == [0, 1]
    assert (listed.model, listed.object, listed.usage.prompt_tokens) == ("cohere-embed-v4", "list", 5)


@pytest.mark.parametrize("given", ["one", ["one", "two"], HELLO_WORLD, [HELLO_WORLD, [1917]]])
@pytest.mark.parametrize("key", ["v4", "upstream"])
@pytest.mark.needs("specs", "cl100k")
async def test_every_answer_is_as_openai_describes_it(gate: EmbedGateway, given: Any, key: str) -> None:
    answer = await post(gate, "/v1/embeddings", {"model": "default", "input": given}, key)
    assert answer.status_code == 200, answer.text
    schema = openai_schema("CreateEmbeddingResponse")
    assert [str(error) for error in schema.iter_errors(answer.json())] == []


@pytest.mark.parametrize("name", ["embed-v4.0", "eu.cohere.embed-v4:0", "cohere-embed-v4", "", "default"])
async def test_the_name_that_an_application_has_does_as_well(gate: EmbedGateway, name: str) -> None:
    answer = await post(gate, "/v1/embeddings", {"model": name, "input": "a"})
    assert answer.json()["model"] == "cohere-embed-v4"


async def test_base64_is_little_endian_floats(gate: EmbedGateway) -> None:
    body = {"model": "default", "input": "bread", "encoding_format": "base64", "dimensions": 256}
    packed = (await post(gate, "/v1/embeddings", body)).json()["data"][0]["embedding"]
    listed = (await post(gate, "/v1/embeddings", body | {"encoding_format": "float"})).json()["data"][0]["embedding"]
    assert array("f", base64.b64decode(packed)).tolist() == listed


@pytest.mark.needs("cl100k")
async def test_token_numbers_are_the_text_that_they_stand_for(gate: EmbedGateway) -> None:
    client = gate.openai()
    text = await client.embeddings.create(model="default", input="hello world")
    one = await client.embeddings.create(model="default", input=HELLO_WORLD)
    two = await client.embeddings.create(model="default", input=[[0], HELLO_WORLD])
    assert text.data[0].embedding == one.data[0].embedding == two.data[1].embedding
    assert (text.usage.prompt_tokens, one.usage.prompt_tokens, two.usage.prompt_tokens) == (2, 2, 3)


async def test_token_numbers_travel_as_they_are_to_a_server_that_takes_them(gate: EmbedGateway) -> None:
    client = gate.openai("upstream")
    numbers = await client.embeddings.create(model="default", input=HELLO_WORLD)
    text = await client.embeddings.create(model="default", input="15339 1917")
    assert numbers.data[0].embedding == text.data[0].embedding, "the scripted model takes each number for a word"
    assert numbers.usage.prompt_tokens == 2


@pytest.mark.parametrize(
    "wrong", ["", [], [[]], ["ok", ""], ["x", 1], [[1], 2], [["x"]], [-1], ["x"] * 2_049, 7, None, FOREIGN]
)
async def test_inputs_that_are_none(gate: EmbedGateway, wrong: Any) -> None:
    answer = await post(gate, "/v1/embeddings", {"model": "default", "input": wrong})
    assert (answer.status_code, code_of(answer)) == (400, "invalid_request")
    assert await gate.usage() == []


COHERE = {"model": "default", "input_type": "search_query"}
PNG = "data:image/png;base64,iVBORw0KGgo="


@pytest.mark.parametrize(
    ("key", "path", "body", "code"),
    [
        ("v4", "/v1/embeddings", {"input": "a", "dimensions": 300}, "unsupported"),
        ("v4", "/v1/embeddings", {"input": "a", "dimensions": 0}, "invalid_request"),
        ("v3", "/v1/embeddings", {"input": "a", "dimensions": 512}, "unsupported"),
        ("local", "/v1/embeddings", {"input": "a", "dimensions": 1024}, "unsupported"),
        ("upstream", "/v1/embeddings", {"input": "a", "dimensions": -1}, "invalid_request"),
        ("v4", "/v1/embeddings", {"input": "a", "encoding_format": "int8"}, "invalid_request"),
        ("v4", "/v1/embeddings", {"input": "a", "model": "text-embedding-none"}, "model_unknown"),
        ("v4", "/v2/embed", COHERE | {"texts": ["a"], "output_dimension": 300}, "unsupported"),
        ("local", "/v2/embed", COHERE | {"images": [PNG]}, "unsupported"),
        ("upstream", "/v2/embed", COHERE | {"images": [PNG]}, "unsupported"),
        ("local", "/v2/embed", COHERE | {"texts": ["a"], "embedding_types": ["float", "int8"]}, "unsupported"),
        ("upstream", "/v2/embed", COHERE | {"texts": ["a"], "embedding_types": ["binary"]}, "unsupported"),
        ("local", "/v2/embed", COHERE | {"texts": ["a"], "max_tokens": 5}, "unsupported"),
        ("v4", "/v2/embed", {"model": "default", "texts": ["a"]}, "invalid_request"),
        ("v4", "/v2/embed", COHERE, "invalid_request"),
        ("v4", "/v2/embed", COHERE | {"texts": []}, "invalid_request"),
        ("v4", "/v2/embed", COHERE | {"texts": ["a"], "images": [PNG]}, "invalid_request"),
        ("v4", "/v2/embed", COHERE | {"texts": ["a"], "max_tokens": 0}, "invalid_request"),
        ("v4", "/v2/embed", COHERE | {"texts": ["a"], "embedding_types": ["int4"]}, "invalid_request"),
        ("v4", "/v2/embed", COHERE | {"texts": ["a"], "input_type": "poetry"}, "invalid_request"),
        ("v4", "/v2/embed", COHERE | {"texts": ["a"], "truncate": "MIDDLE"}, "invalid_request"),
        ("v4", "/v2/embed", COHERE | {"images": ["https://images.example/a.png"]}, "invalid_request"),
        ("v4", "/v2/embed", COHERE | {"images": ["data:image/png;base64,"]}, "invalid_request"),
        ("v4", "/v2/embed", COHERE | {"images": ["data:image/png;base64,!!!!"]}, "invalid_request"),
        ("v4", "/v2/embed", COHERE | {"images": ["data:image/svg+xml;base64,AAAA"]}, "invalid_request"),
        ("v4", "/v2/embed", COHERE | {"inputs": [{"content": []}]}, "invalid_request"),
        ("v4", "/v2/embed", COHERE | {"inputs": [{"content": [{"type": "video"}]}]}, "invalid_request"),
        ("v4", "/v2/embed", [1], "invalid_request"),
        ("text", "/v1/embed", {"texts": ["a"]}, "key_wrong_type"),
    ],
)
async def test_what_a_model_cannot_is_refused_before_anything_is_held(
    gate: EmbedGateway, key: str, path: str, body: Any, code: str
) -> None:
    answer = await post(gate, path, body, key)
    assert 400 <= answer.status_code < 500
    assert code_of(answer) == code, answer.text
    assert await gate.usage() == []
    assert gate.held() == 0


async def test_what_the_quota_does_not_cover_reaches_no_model(tmp_path: Path) -> None:
    model = Scripted()
    async with embed_gateway(tmp_path, model, limit=20) as gate:
        with pytest.raises(openai.RateLimitError) as raised:
            await gate.openai().embeddings.create(model="default", input="a text of more than twelve bytes")
        assert raised.value.code == "quota_exhausted"
        answer = await post(gate, "/v2/embed", COHERE | {"images": [PNG]})
        assert (answer.status_code, code_of(answer)) == (429, "quota_exhausted")
        assert model.counts.begun == 0
        assert gate.held() == 0


async def test_a_provider_that_reports_nothing_is_booked_at_the_bound(tmp_path: Path) -> None:
    async with embed_gateway(tmp_path, Scripted(Script(reports_tokens=False))) as gate:
        answer = await gate.openai().embeddings.create(model="default", input=["four", "five!"])
        assert await gate.usage() == [(4 + 5 + 2 * 8, "estimated", "ok")]
        assert answer.usage.total_tokens == 25


async def test_vectors_of_another_size_than_was_asked_for_are_no_answer(tmp_path: Path) -> None:
    class Stubborn(Scripted):
        async def embed(self, request: Any, sent: Any) -> Any:
            answer = await super().embed(request, sent)
            return type(answer)(answer.vectors[:-1], answer.dimensions, answer.tokens)

    async with embed_gateway(tmp_path, Stubborn(dimensions=1536)) as gate:
        with pytest.raises(openai.InternalServerError) as raised:
            await gate.openai().embeddings.create(model="default", input=["a", "b"])
        assert raised.value.code == "provider_malformed"
        assert await gate.usage() == [(2, "reported", "ok")], "what was consumed is booked all the same"
