"""Every recorded exchange of Cohere's embed: read without loss, and asked for again word by word."""

import gzip
import json
import struct
from collections.abc import Iterator
from typing import Any

import pytest

from packhouse.adapters.models.cohere.answer import read_vectors
from packhouse.adapters.models.cohere.refusals import refusal
from packhouse.adapters.models.cohere.request import embed_body
from packhouse.domain.embedding import EmbedRequest
from packhouse.domain.units import ModelTokens
from tests.support.needs import SHARED

pytestmark = pytest.mark.needs("recordings")

Json = dict[str, Any]
FILE = SHARED / "recorded" / "cohere.jsonl.gz"


def recorded(*, answered: bool) -> Iterator[Json]:
    with gzip.open(FILE, "rt", encoding="utf-8") as lines:
        for line in lines:
            exchange = json.loads(line)
            if exchange["path"] == "/v2/embed" and (exchange["status"] == 200) is answered:
                yield exchange


def request_of(body: Json) -> EmbedRequest:
    return EmbedRequest(
        model=body["model"],
        inputs=tuple(body["texts"]),
        input_type=body["input_type"],
        dimensions=body["output_dimension"],
        types=tuple(body["embedding_types"]),
        truncate=body["truncate"].lower(),
        input_tokens_max=body["max_tokens"],
    )


def test_every_request_is_written_as_it_was() -> None:
    exchanges = [*recorded(answered=True), *recorded(answered=False)]
    assert len(exchanges) == 5
    for exchange in exchanges:
        said = {name: value for name, value in exchange["request"].items() if value is not None}
        assert json.loads(embed_body(request_of(exchange["request"]))) == said


def test_every_answer_is_read_without_loss() -> None:
    exchanges = list(recorded(answered=True))
    assert len(exchanges) == 4
    for exchange in exchanges:
        body = exchange["response"]["json"]
        read = read_vectors(json.dumps(body).encode(), request_of(exchange["request"]))
        floats = body["embeddings"]["float"]
        assert read.vectors == tuple(struct.pack(f"<{len(row)}f", *row) for row in floats)
        assert read.dimensions == len(floats[0])
        units = body["meta"]["billed_units"]
        assert units["input_tokens"] + units["image_tokens"] == int(exchange["headers"]["num_tokens"])
        assert read.tokens == ModelTokens(units["input_tokens"] + units["image_tokens"])
        assert read.image_tokens == units["image_tokens"]


def test_every_error_is_told_in_its_own_words() -> None:
    exchanges = list(recorded(answered=False))
    assert exchanges
    for exchange in exchanges:
        body = exchange["response"]["json"]
        refused = refusal(exchange["status"], json.dumps(body).encode())
        assert refused.code == "provider_refused"
        assert body["message"] in refused.message
