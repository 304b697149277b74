"""Cohere's embed: bodies that say all that was asked, answers read to the byte, every status, and the simulator."""

import base64
import json
import struct
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from packhouse.adapters.models.cohere.adapter import Cohere
from packhouse.adapters.models.cohere.answer import read_vectors
from packhouse.adapters.models.cohere.refusals import refusal
from packhouse.adapters.models.cohere.request import embed_body, inputs_max
from packhouse.adapters.models.http import Timeouts, UpstreamClient
from packhouse.domain.chat_part import Image, Text
from packhouse.domain.embedding import Embeddable, EmbedInput, EmbedRequest, TypedVectors, VectorType
from packhouse.domain.errors import Refused
from packhouse.domain.units import ModelTokens
from packhouse.simulators import Fault, Simulator, simulator

pytestmark = pytest.mark.anyio

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
PNG_URL = "data:image/png;base64," + base64.b64encode(PNG).decode()
PICTURE = EmbedInput((Image("image/png", PNG),))
BOTH = EmbedInput((Text("a pipe"), Image("image/png", PNG)))
DEEP = b'{"embeddings":{},"deep":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
TIMEOUTS = Timeouts(connect_seconds=1, first_byte_seconds=0.5, between_bytes_seconds=0.5, total_seconds=5)


def asked(*inputs: Embeddable, model: str = "embed-v4.0", **more: Any) -> EmbedRequest:
    return EmbedRequest(model=model, inputs=inputs or ("hi",), **more)


def written(request: EmbedRequest) -> dict[str, Any]:
    return json.loads(embed_body(request))


def answer(**fields: object) -> bytes:
    return json.dumps({"id": "1", "response_type": "embeddings_by_type", "texts": []} | fields).encode()


@asynccontextmanager
async def behind(*, path: str = "") -> AsyncGenerator[tuple[Cohere, Simulator]]:
    client = UpstreamClient()
    async with simulator("cohere") as running:
        key = running.credentials.key
        yield Cohere(running.url + path, client=client, api_key=key, timeouts=TIMEOUTS), running
        client.close()


def nothing() -> None:
    """Nobody wants to know."""


# requests


def test_texts_go_with_all_that_was_asked() -> None:
    request = asked(
        "one",
        "two",
        input_type="search_query",
        dimensions=512,
        types=("base64", "int8", "float"),
        truncate="start",
        input_tokens_max=100,
    )
    assert written(request) == {
        "model": "embed-v4.0",
        "texts": ["one", "two"],
        "input_type": "search_query",
        "embedding_types": ["float", "int8"],
        "output_dimension": 512,
        "truncate": "START",
        "max_tokens": 100,
    }


def test_nothing_is_said_that_was_not_asked() -> None:
    plain = {"model": "embed-v4.0", "texts": ["hi"], "input_type": "search_document", "embedding_types": ["float"]}
    assert written(asked()) == plain


@pytest.mark.parametrize("given", [(PICTURE, PICTURE), (PICTURE,)])
def test_images_alone(given: tuple[EmbedInput, ...]) -> None:
    body = written(asked(*given, input_type="image"))
    assert (body["images"], body["input_type"]) == ([PNG_URL] * len(given), "image")
    assert not {"texts", "inputs"} & body.keys()


def test_texts_and_images_together() -> None:
    body = written(asked("a text", PICTURE, BOTH, EmbedInput((Text("another"),))))
    text, image = {"type": "text", "text": "a pipe"}, {"type": "image_url", "image_url": {"url": PNG_URL}}
    assert body["inputs"] == [
        {"content": [{"type": "text", "text": "a text"}]},
        {"content": [image]},
        {"content": [text, image]},
        {"content": [{"type": "text", "text": "another"}]},
    ]
    assert not {"texts", "images"} & body.keys()


@pytest.mark.parametrize(
    ("request_", "most"),
    [
        (asked(), 96),
        (asked(PICTURE, BOTH), 96),
        (asked("a", model="embed-multilingual-v3.0"), 96),
        (asked("a", PICTURE, model="embed-multilingual-v3.0"), 1),
    ],
)
def test_the_third_version_takes_one_image_a_call(request_: EmbedRequest, most: int) -> None:
    assert inputs_max(request_) == most


def test_the_third_version_is_told_that_it_is_an_image() -> None:
    body = written(asked(PICTURE, model="embed-english-v3.0", input_type="search_document", dimensions=1024))
    assert body["input_type"] == "image"
    assert "output_dimension" not in body
    assert "output_dimension" not in written(asked(model="embed-english-light-v3.0", dimensions=384))


@pytest.mark.parametrize(
    "request_",
    [
        asked((1, 2, 3)),
        asked(BOTH, model="embed-english-v3.0"),
        asked("a", model="embed-english-v3.0", dimensions=512),
        asked("a", model="embed-multilingual-light-v3.0", dimensions=1024),
        asked(EmbedInput((Image(url="https://example.com/a.png"),))),
    ],
)
def test_what_it_cannot_embed_is_refused(request_: EmbedRequest) -> None:
    with pytest.raises(Refused) as refused:
        embed_body(request_)
    assert refused.value.code == "unsupported"


# answers


def test_every_type_is_read() -> None:
    rows: dict[str, object] = {
        "float": [[0.5, -0.25] * 4, [1, 2] * 4],
        "int8": [[-128, 127] * 4, [0, 1] * 4],
        "uint8": [[255, 0] * 4, [3, 4] * 4],
        "binary": [[-1], [5]],
        "ubinary": [[255], [6]],
    }
    request = asked("a", "b", types=("float", "int8", "uint8", "binary", "ubinary"))
    meta = {"api_version": {"version": "2"}, "billed_units": {"input_tokens": 7.0, "image_tokens": 5, "images": 1}}
    read = read_vectors(answer(embeddings=rows, meta=meta), request)
    assert read.vectors == (struct.pack("<8f", *[0.5, -0.25] * 4), struct.pack("<8f", *[1, 2] * 4))
    assert read.dimensions == 8
    assert (read.tokens, read.image_tokens) == (ModelTokens(12), 5)
    assert read.typed == (
        TypedVectors("int8", (struct.pack("8b", *[-128, 127] * 4), struct.pack("8b", *[0, 1] * 4))),
        TypedVectors("uint8", (bytes([255, 0] * 4), bytes([3, 4] * 4))),
        TypedVectors("binary", (b"\xff", b"\x05")),
        TypedVectors("ubinary", (b"\xff", b"\x06")),
    )


def test_without_floats_there_are_no_vectors_but_dimensions() -> None:
    read = read_vectors(answer(embeddings={"ubinary": [[1, 2]]}), asked(types=("ubinary",)))
    assert (read.vectors, read.dimensions, read.tokens) == ((), 16, None)


@pytest.mark.parametrize("meta", [None, {}, {"billed_units": None}, {"billed_units": {}}])
def test_what_was_not_reported_is_not_known(meta: object) -> None:
    assert read_vectors(answer(embeddings={"float": [[1.0]]}, meta=meta), asked()).tokens is None


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"{}",
        answer(embeddings={"int8": [[1]]}),
        answer(embeddings={"float": [[1.0], [1.0]]}),
        answer(embeddings={"float": [[]]}),
        answer(embeddings={"float": [["a"]]}),
        answer(embeddings={"float": [[1e300]]}),
        pytest.param(DEEP, id="deep"),
        answer(embeddings={"float": [[1.0]]}, meta={"billed_units": {"input_tokens": -1}}),
        answer(embeddings={"float": [[1.0]]}, meta={"billed_units": {"image_tokens": 1e300}}),
    ],
)
def test_what_is_no_answer_is_malformed(body: bytes) -> None:
    with pytest.raises(Refused) as refused:
        read_vectors(body, asked())
    assert refused.value.code == "provider_malformed"


def test_a_number_too_large_for_its_type_is_malformed() -> None:
    with pytest.raises(Refused) as refused:
        read_vectors(answer(embeddings={"int8": [[300]]}), asked(types=("int8",)))
    assert refused.value.code == "provider_malformed"


# refusals


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "provider_refused"),
        (401, "provider_refused"),
        (402, "provider_refused"),
        (403, "provider_refused"),
        (404, "provider_refused"),
        (408, "provider_timeout"),
        (413, "provider_refused"),
        (422, "provider_refused"),
        (424, "provider_failed"),
        (429, "provider_throttled"),
        (498, "provider_refused"),
        (499, "provider_failed"),
        (500, "provider_failed"),
        (503, "provider_failed"),
        (504, "provider_timeout"),
        (529, "provider_failed"),
        (302, "provider_failed"),
    ],
)
def test_every_status_has_its_code(status: int, code: str) -> None:
    assert refusal(status, b'{"id": "1", "message": "no"}').code == code
    assert refusal(status, b"<html>").code == code
    assert refusal(status, DEEP).code == code
    assert refusal(status, b"").facts["status"] == status


def test_refusals_of_the_request_speak_with_the_providers_words() -> None:
    refused = refusal(404, b'{"id": "1", "message": "model \'x\' not found"}')
    assert "model 'x' not found" in refused.message
    assert refused.facts["status"] == 404
    assert refusal(400, b'{"message": "text is too long"}').code == "context_exceeded"


@pytest.mark.parametrize("status", [401, 402, 403])
def test_nothing_of_the_operators_key_is_told(status: int) -> None:
    assert "k-123" not in refusal(status, b'{"message": "invalid api token: k-123"}').message


@pytest.mark.parametrize(
    ("given", "seconds"), [("7", 7.0), ("-1", 0.0), ("soon", None), ("inf", None), ("nan", None), (None, None)]
)
@pytest.mark.parametrize("status", [429, 503])
def test_a_wait_is_passed_on(status: int, given: str | None, seconds: float | None) -> None:
    assert refusal(status, b"{}", retry_after=given).facts.get("retry_after_seconds") == seconds


# against the simulator


@pytest.mark.parametrize("path", ["", "/", "/v1", "/v2/"])
async def test_the_base_url_may_end_in_a_version(path: str) -> None:
    async with behind(path=path) as (cohere, sim):
        assert (await cohere.embed(asked(), nothing)).dimensions == 1536
        (call,) = sim.seen.calls
    assert call.path == "/v2/embed"
    assert call.headers["authorization"] == f"Bearer {sim.credentials.key}"


@pytest.mark.parametrize("kind", ["float", "int8", "uint8", "binary", "ubinary"])
async def test_every_type_of_the_simulator_is_read(kind: VectorType) -> None:
    async with behind() as (cohere, _):
        read = await cohere.embed(asked("a", BOTH, PICTURE, types=(kind,), dimensions=256), nothing)
    assert read.dimensions == 256
    assert read.tokens is not None
    assert 0 < read.image_tokens < read.tokens.input
    assert len(read.vectors if kind == "float" else read.typed[0].vectors) == 3


async def test_large_calls_are_split_and_joined_in_order() -> None:
    texts = tuple(f"text number {number}" for number in range(200))
    async with behind() as (cohere, sim):
        whole = await cohere.embed(asked(*texts, dimensions=256), nothing)
        assert sorted(len(json.loads(call.body)["texts"]) for call in sim.seen.calls) == [8, 96, 96]
        alone = [await cohere.embed(asked(text, dimensions=256), nothing) for text in texts[90:100]]
    assert whole.vectors[90:100] == tuple(each.vectors[0] for each in alone)
    assert whole.tokens is not None
    assert len(whole.vectors) == 200


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault(kind="status", status=429, retry_after="2"), "provider_throttled"),
        (Fault(kind="status", status=503), "provider_failed"),
        (Fault(kind="stall", at="head"), "provider_timeout"),
        (Fault(kind="close"), "provider_cut"),
        (Fault(kind="malformed"), "provider_malformed"),
        (Fault(kind="truncated"), "provider_malformed"),
    ],
)
async def test_faults_end_in_their_codes(fault: Fault, code: str) -> None:
    async with behind() as (cohere, sim):
        sim.fail(fault)
        with pytest.raises(Refused) as refused:
            await cohere.embed(asked(), nothing)
        assert refused.value.code == code
        sim.clear()
        assert (await cohere.embed(asked(), nothing)).vectors
