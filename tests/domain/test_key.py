"""Keys: what is written parses, what is damaged is refused with its reason."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.domain.errors import Refused
from packhouse.domain.key import KEY_CHARACTERS, Opening, connection_string, openings, parse_key, write_key
from packhouse.domain.units import ResourceId

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
public_ids = st.text(BASE62, min_size=12, max_size=12)
secrets = st.text(BASE62, min_size=32, max_size=32)
KEY = write_key("a" * 12, "b" * 32)


@given(public_ids, secrets)
def test_what_is_written_parses(public_id: str, secret: str) -> None:
    text = write_key(public_id, secret)
    assert len(text) == KEY_CHARACTERS
    parsed = parse_key(text)
    assert (parsed.public_id, parsed.secret) == (public_id, secret)
    assert parsed.secret_hash == hashlib.sha256(secret.encode()).digest()
    assert parse_key(connection_string(text, "https://genai.example.com/")) == parsed


@given(public_ids, secrets, st.integers(0, KEY_CHARACTERS - 1), st.sampled_from(BASE62))
def test_every_changed_character_is_found(public_id: str, secret: str, place: int, other: str) -> None:
    text = write_key(public_id, secret)
    changed = text[:place] + other + text[place + 1 :]
    if changed != text:
        with pytest.raises(Refused) as refused:
            parse_key(changed)
        assert refused.value.code == "key_malformed"


@given(st.text(max_size=80))
def test_nothing_else_than_a_key_parses(text: str) -> None:
    with pytest.raises(Refused) as refused:
        parse_key(text)
    assert refused.value.code == "key_malformed"


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "begins with"),
        ("sk-123", "begins with"),
        (KEY[:-1], "54 characters instead of 55"),
        (KEY + "0", "56 characters instead of 55"),
        (KEY.replace("bbbb", "bb b", 1), "holds a character"),
        (KEY.replace("bbbb", "bbäb", 1), "holds a character"),
        (KEY[:-1] + ("1" if KEY[-1] != "1" else "2"), "checksum"),
        (KEY.lower().replace("phk_a", "phk_c"), "checksum"),
    ],
)
def test_the_sentence_says_what_is_wrong(text: str, part: str) -> None:
    with pytest.raises(Refused, match=part):
        parse_key(text)


def test_a_key_does_not_print_its_secret() -> None:
    assert "bbb" not in repr(parse_key(KEY))
    assert connection_string(KEY, "http://127.0.0.1:8710") == f"{KEY}@http://127.0.0.1:8710"


TEXT, OTHER_TEXT = Opening(ResourceId("t1"), "text_generation"), Opening(ResourceId("t2"), "text_generation")
EMBEDDINGS = Opening(ResourceId("e1"), "embeddings")
BASE, OTHER_BASE = Opening(ResourceId("k1"), "knowledge_base"), Opening(ResourceId("k2"), "knowledge_base")


def test_a_knowledge_base_brings_the_embeddings_pack_it_is_linked_to() -> None:
    derived = Opening(EMBEDDINGS.resource_id, "embeddings", derived=True)
    assert openings([BASE], [EMBEDDINGS.resource_id]) == (BASE, derived)
    assert openings([BASE, OTHER_BASE], [EMBEDDINGS.resource_id] * 2) == (BASE, OTHER_BASE, derived)
    assert openings([BASE, EMBEDDINGS], [EMBEDDINGS.resource_id]) == (BASE, EMBEDDINGS)


@pytest.mark.parametrize("given_", [[TEXT, OTHER_TEXT], [EMBEDDINGS, Opening(ResourceId("e2"), "embeddings")]])
def test_a_key_opens_one_text_and_one_embeddings_resource_at_most(given_: list[Opening]) -> None:
    with pytest.raises(Refused) as refused:
        openings(given_, [])
    assert refused.value.code == "conflict"
