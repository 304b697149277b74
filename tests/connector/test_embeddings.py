"""Embeddings: vectors as lists of floats, from base64."""

import base64
import json
import pickle
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse_connector import AnswerNotUnderstood, Packhouse
from packhouse_connector.core.embedding import TEXTS_MAX, floats
from tests.connector.gateway import Gateway
from tests.connector.wire import Reply
from tests.connector.words import DIMENSIONS, vector


@given(st.lists(st.floats(width=32, allow_nan=False), max_size=50))
def test_every_float_survives_the_wire(numbers: list[float]) -> None:
    assert floats(struct.pack(f"<{len(numbers)}f", *numbers)) == numbers


def test_one_text_is_one_vector_with_its_usage(ph: Packhouse, gateway: Gateway) -> None:
    embedding = ph.embed("two words", model="local-embeddings", dimensions=64)
    assert embedding == vector("two words").tolist()
    assert (embedding.usage.input_tokens, embedding.model, embedding.request_id) == (2, "local-embeddings", "req_test")
    assert gateway.last.json == {
        "input": "two words",
        "encoding_format": "base64",
        "model": "local-embeddings",
        "dimensions": 64,
    }


def test_a_list_is_a_vector_each_in_order(ph: Packhouse) -> None:
    texts = [f"text number {number}" for number in range(5)]
    embeddings = ph.embed(texts)
    assert embeddings == [vector(text).tolist() for text in texts]
    assert embeddings.usage.input_tokens == 15


def test_a_long_list_travels_in_parts(ph: Packhouse, gateway: Gateway) -> None:
    texts = [f"w{number}" for number in range(TEXTS_MAX + 1)]
    embeddings = ph.embed(texts)
    assert [len(seen.json["input"]) for seen in gateway.seen] == [TEXTS_MAX, 1]
    assert len(embeddings) == TEXTS_MAX + 1
    assert embeddings[-1] == vector(texts[-1]).tolist()
    assert embeddings.usage.input_tokens == TEXTS_MAX + 1


def test_no_text_is_no_call(ph: Packhouse, gateway: Gateway) -> None:
    assert ph.embed([]) == []
    assert gateway.seen == []


def test_order_is_that_of_the_index_and_floats_do_as_well(ph: Packhouse, gateway: Gateway) -> None:
    gateway.script.append(
        Reply(body={"data": [{"index": 1, "embedding": [3.0]}, {"index": 0, "embedding": [1.5]}], "model": "m"})
    )
    assert ph.embed(["a", "b"]) == [[1.5], [3.0]]


@pytest.mark.parametrize("coded", [base64.b64encode(b"12345").decode(), "*not base64*", 5])
def test_what_is_no_vector_is_not_understood(ph: Packhouse, gateway: Gateway, coded: object) -> None:
    gateway.script.append(Reply(body={"data": [{"index": 0, "embedding": coded}], "model": "m"}))
    with pytest.raises(AnswerNotUnderstood):
        ph.embed("text")


def test_a_vector_is_a_list_to_everyone_else(ph: Packhouse) -> None:
    embedding = ph.embed("text")
    assert json.loads(json.dumps(embedding)) == embedding
    copy = pickle.loads(pickle.dumps(embedding))
    assert copy == embedding
    assert copy.usage == embedding.usage
    assert type(embedding[:3]) is list


def test_reprs_show_no_numbers(ph: Packhouse) -> None:
    assert repr(ph.embed("text")) == f"<Embedding {DIMENSIONS} dimensions Usage(input_tokens=1) request_id='req_test'>"
    assert repr(ph.embed(["text"])) == "<Embeddings 1 vectors Usage(input_tokens=1)>"
