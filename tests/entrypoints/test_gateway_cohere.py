"""The unmodified `cohere` client through the gateway: both versions, every type, texts and images."""

import base64
import struct
from array import array
from collections.abc import AsyncGenerator
from io import BytesIO
from pathlib import Path
from typing import Any

import cohere
import httpx
import pytest
from cohere.core import ApiError
from PIL import Image as Picture

from packhouse.adapters.models.scripted import Script, Scripted
from packhouse.adapters.models.scripted_vectors import IMAGE_TOKENS
from packhouse.domain.chat_part import Image, Text
from packhouse.domain.embedding import EmbedInput
from tests.support.asked import Asked
from tests.support.embed_gateway import EmbedGateway, embed_gateway
from tests.support.specs import cohere_schema

pytestmark = pytest.mark.anyio

TYPES: Any = ["float", "int8", "uint8", "binary", "ubinary", "base64"]


@pytest.fixture
def model() -> Asked:
    return Asked(dimensions=1536)


@pytest.fixture
async def gate(tmp_path: Path, model: Asked) -> AsyncGenerator[EmbedGateway]:
    async with embed_gateway(tmp_path, model) as running:
        yield running


def picture(kind: str = "PNG", size: tuple[int, int] = (30, 20)) -> tuple[str, bytes]:
    """A data URL and the bytes in it."""
    buffer = BytesIO()
    Picture.new("RGB", size, "red").save(buffer, kind)
    data = buffer.getvalue()
    return f"data:image/{kind.lower()};base64,{base64.b64encode(data).decode()}", data


async def raw(gate: EmbedGateway, path: str, body: dict[str, Any], key: str = "v4") -> httpx.Response:
    async with httpx.AsyncClient(headers={"authorization": f"Bearer {gate.keys[key]}"}) as http:
        return await http.post(gate.url + path, json=body)


async def test_texts_come_back_in_every_type_and_are_billed(gate: EmbedGateway, model: Asked) -> None:
    answer = await gate.cohere().embed(
        model="default",
        texts=["a harbour at night", "bread"],
        input_type="search_query",
        embedding_types=TYPES,
        output_dimension=256,
        truncate="NONE",
        max_tokens=900,
    )
    (asked,) = model.requests
    assert (asked.model, asked.inputs) == ("eu.cohere.embed-v4:0", ("a harbour at night", "bread"))
    assert (asked.input_type, asked.dimensions, asked.truncate, asked.input_tokens_max) == (
        "search_query",
        256,
        "none",
        900,
    )
    assert asked.types == tuple(TYPES)
    vectors = answer.embeddings
    assert vectors.float_
    assert vectors.int8
    assert vectors.uint8
    assert vectors.binary
    assert vectors.ubinary
    assert vectors.base64
    for place in range(2):
        floats = vectors.float_[place]
        assert len(floats) == 256
        assert array("f", floats) == array("f", base64.b64decode(vectors.base64[place]))
        assert vectors.int8[place] == [each - 128 for each in vectors.uint8[place]]
        assert vectors.int8[place] == pytest.approx([each * 127 for each in floats], abs=0.5)
        assert vectors.binary[place] == [each - 128 for each in vectors.ubinary[place]]
        bits = "".join(f"{each:08b}" for each in vectors.ubinary[place])
        assert bits == "".join("1" if each > 0 else "0" for each in floats)
    assert answer.texts == ["a harbour at night", "bread"]
    assert answer.response_type == "embeddings_by_type"  # pyright: ignore[reportAttributeAccessIssue] - an extra field
    assert answer.meta
    assert answer.meta.billed_units
    assert answer.meta.api_version
    assert (answer.meta.billed_units.input_tokens, answer.meta.billed_units.image_tokens) == (5, 0)
    assert answer.meta.api_version.version == "2"
    assert await gate.usage() == [(5, "reported", "ok")]
    assert gate.held() == 0


async def test_the_first_version_answers_floats_unless_types_are_named(gate: EmbedGateway) -> None:
    plain = await gate.cohere_v1().embed(model="default", texts=["bread"] * 200, input_type="search_document")
    assert plain.response_type == "embeddings_floats"
    assert [len(each) for each in plain.embeddings] == [1536] * 200
    assert plain.texts == ["bread"] * 200
    assert plain.meta
    assert plain.meta.billed_units
    assert plain.meta.api_version
    assert (plain.meta.billed_units.input_tokens, plain.meta.api_version.version) == (200, "1")
    typed = await gate.cohere_v1().embed(
        model="default", texts=["bread"], input_type="search_document", embedding_types=["int8", "float"]
    )
    assert typed.response_type == "embeddings_by_type"
    assert typed.embeddings.float_
    assert typed.embeddings.int8
    assert typed.embeddings.float_[0] == pytest.approx(plain.embeddings[0], abs=1e-6)
    assert typed.embeddings.ubinary is None


async def test_images_alone_and_with_texts(gate: EmbedGateway, model: Asked) -> None:
    url, data = picture()
    other, _ = picture("JPEG")
    images = await gate.cohere().embed(model="default", images=[url, other], input_type="image")
    assert images.embeddings.float_
    assert len(images.embeddings.float_) == 2
    assert images.embeddings.float_[0] != images.embeddings.float_[1]
    assert images.meta
    assert images.meta.billed_units
    assert (images.meta.billed_units.input_tokens, images.meta.billed_units.image_tokens) == (0, 2 * IMAGE_TOKENS)
    content: Any = [
        {"content": [{"type": "text", "text": "a red box"}, {"type": "image_url", "image_url": {"url": url}}]},
        {"content": [{"type": "text", "text": "only words"}]},
    ]
    mixed = await gate.cohere().embed(model="default", inputs=content, input_type="search_document")
    assert mixed.embeddings.float_
    assert len(mixed.embeddings.float_) == 2
    assert mixed.meta
    assert mixed.meta.billed_units
    assert (mixed.meta.billed_units.input_tokens, mixed.meta.billed_units.image_tokens) == (5, IMAGE_TOKENS)
    image = Image(media_type="image/png", data=data)
    assert model.requests[0].inputs[0] == EmbedInput((image,))
    assert model.requests[1].inputs == (EmbedInput((Text("a red box"), image)), "only words")
    assert [row[0] for row in await gate.usage()] == [2 * IMAGE_TOKENS, 5 + IMAGE_TOKENS]


@pytest.mark.parametrize(
    ("said", "understood"), [(None, "end"), ("NONE", "none"), ("START", "start"), ("LEFT", "start"), ("RIGHT", "end")]
)
async def test_where_a_long_text_is_cut(gate: EmbedGateway, model: Asked, said: str | None, understood: str) -> None:
    more: Any = {} if said is None else {"truncate": said}
    await gate.cohere().embed(model="default", texts=["a"], input_type="clustering", **more)
    assert (model.requests[0].truncate, model.requests[0].input_type) == (understood, "clustering")


async def test_the_only_dimensions_of_a_model_may_be_named(gate: EmbedGateway, model: Asked) -> None:
    await raw(gate, "/v2/embed", {"texts": ["a"], "input_type": "image", "output_dimension": 1024}, key="v3")
    assert model.requests[0].dimensions is None, "a provider whose model has one size takes no number"


@pytest.mark.parametrize(
    ("path", "body", "schema"),
    [
        ("/v2/embed", {"embedding_types": TYPES, "input_type": "search_query"}, "EmbedByTypeResponse"),
        ("/v2/embed", {"input_type": "classification", "embedding_types": []}, "EmbedByTypeResponse"),
        ("/v1/embed", {"embedding_types": ["ubinary"], "input_type": "search_query"}, "EmbedByTypeResponse"),
        ("/v1/embed", {}, "EmbedFloatsResponse"),
    ],
)
@pytest.mark.needs("specs")
async def test_every_answer_is_as_cohere_describes_it(gate: EmbedGateway, path: str, body: Any, schema: str) -> None:
    answer = await raw(gate, path, {"model": "default", "texts": ["one", "two"], **body})
    assert answer.status_code == 200, answer.text
    assert [str(error) for error in cohere_schema(schema).iter_errors(answer.json())] == []
    assert set(answer.json()) == {"id", "response_type", "embeddings", "texts", "meta"}


@pytest.mark.parametrize("field", ["texts", "inputs"])
async def test_a_batch_is_as_large_as_cohere_takes(gate: EmbedGateway, field: str) -> None:
    one = "a" if field == "texts" else {"content": [{"type": "text", "text": "a"}]}
    body = {"model": "default", "input_type": "search_query"}
    assert (await raw(gate, "/v2/embed", body | {field: [one] * 96})).status_code == 200
    answer = await raw(gate, "/v2/embed", body | {field: [one] * 97})
    assert answer.status_code == 400
    assert "97" in answer.text
    assert "96" in answer.text


async def test_floats_survive_as_they_were(gate: EmbedGateway) -> None:
    answer = await raw(gate, "/v1/embed", {"texts": ["one two three"]})
    (floats,) = answer.json()["embeddings"]
    assert list(struct.unpack("<1536f", struct.pack("<1536f", *floats))) == floats


@pytest.mark.parametrize(
    ("key", "body", "error", "code"),
    [
        ("no key at all", {}, cohere.UnauthorizedError, "key_malformed"),
        ("text", {}, cohere.ForbiddenError, "key_wrong_type"),
        ("v4", {"model": "embed-v9.0"}, cohere.NotFoundError, "model_unknown"),
        ("v4", {"texts": ["a"] * 97}, cohere.BadRequestError, "invalid_request"),
        ("v4", {"output_dimension": 300}, cohere.UnprocessableEntityError, "unsupported"),
        ("local", {"embedding_types": ["int8"]}, cohere.UnprocessableEntityError, "unsupported"),
    ],
)
async def test_a_refusal_is_the_right_exception(
    gate: EmbedGateway, key: str, body: Any, error: type[ApiError], code: str
) -> None:
    asked: Any = {"model": "default", "texts": ["a"], "input_type": "search_query"} | body
    with pytest.raises(error) as raised:
        await gate.cohere(key).embed(**asked)
    said: Any = raised.value.body
    assert (type(raised.value), said["code"]) == (error, code)
    assert raised.value.headers
    assert said["id"] == raised.value.headers["x-request-id"]


@pytest.mark.parametrize(
    ("trouble", "error", "booked"),
    [
        ("provider_refused", cohere.BadRequestError, [(0, "reported", "failed")]),
        ("provider_throttled", cohere.TooManyRequestsError, [(0, "reported", "failed")]),
        ("provider_failed", cohere.InternalServerError, [(0, "reported", "failed")]),
        ("provider_cut", cohere.InternalServerError, [(9, "estimated", "failed")]),
        ("provider_unreachable", cohere.ServiceUnavailableError, []),
        ("provider_timeout", cohere.GatewayTimeoutError, [(9, "estimated", "failed")]),
    ],
)
async def test_a_provider_in_trouble_is_the_right_exception(
    tmp_path: Path, trouble: str, error: type[ApiError], booked: Any
) -> None:
    async with embed_gateway(tmp_path, Scripted(Script(fails_with=trouble))) as gate:
        with pytest.raises(error) as raised:
            await gate.cohere_v1().embed(model="default", texts=["a"], input_type="search_query")
        assert type(raised.value) is error
        assert await gate.usage() == booked
        assert gate.held() == 0


async def test_an_exhausted_pack_says_what_is_left(tmp_path: Path) -> None:
    async with embed_gateway(tmp_path, limit=5) as gate:
        with pytest.raises(cohere.TooManyRequestsError) as raised:
            await gate.cohere().embed(model="default", texts=["a"], input_type="search_query")
        said: Any = raised.value.body
        assert (said["code"], said["meter"], said["limit"], said["used"]) == ("quota_exhausted", "input", 5, 0)
