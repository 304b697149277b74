"""The models of a key, in the shape of whoever asks, and in pages."""

from collections.abc import AsyncGenerator
from pathlib import Path

import anthropic
import openai
import pytest

from tests.support.anthropic_gateway import Behind, behind

pytestmark = pytest.mark.anyio


@pytest.fixture
async def to(tmp_path: Path) -> AsyncGenerator[Behind]:
    async with behind(tmp_path, "anthropic") as running:
        yield running


async def ids(to: Behind, **asked: object) -> list[str]:
    return [model.id async for model in to.client.models.list(**asked)]


async def test_both_shapes_tell_the_same_models(to: Behind) -> None:
    theirs = await ids(to)
    ours = [model.id async for model in to.gate.client().models.list()]
    assert theirs == ours
    assert theirs[0] == "claude-sonnet-4-6"


async def test_a_model_is_told_with_what_it_takes_and_its_life(to: Behind) -> None:
    current = await to.client.models.retrieve("claude-sonnet-4-6")
    assert (current.type, current.display_name) == ("model", "Anthropic Claude 4.6 Sonnet")
    assert (current.max_input_tokens, current.max_tokens, current.lifecycle) == (200_000, 64_000, "active")
    legacy = await to.client.models.retrieve("claude-sonnet-4")
    assert legacy.lifecycle == "deprecated"
    assert str(legacy.deprecated_at.date()) == "2026-04-14"
    assert current._request_id


async def test_a_model_goes_by_any_name_that_a_call_may_give_it(to: Behind) -> None:
    for name in ("claude-sonnet-4-5", "claude-sonnet-4-5-20250929"):
        assert (await to.client.models.retrieve(name)).id == "claude-sonnet-4-5"


async def test_what_is_not_there_is_not_found_in_either_shape(to: Behind) -> None:
    with pytest.raises(anthropic.NotFoundError) as raised:
        await to.client.models.retrieve("claude-nine")
    assert raised.value.error_code == "model_unknown"
    with pytest.raises(openai.NotFoundError):
        await to.gate.client().models.retrieve("claude-nine")
    with pytest.raises(anthropic.AuthenticationError):
        await to.with_key("nobody").models.list()


async def test_a_key_without_a_text_pack_has_none(to: Behind) -> None:
    page = await to.with_key("embeddings").models.list()
    assert (page.data, page.first_id, page.has_more) == ([], None, False)


async def test_pages(to: Behind) -> None:
    every = await ids(to)
    assert len(every) > 2
    assert await ids(to, limit=1) == every, "the client turns the pages"
    first = await to.client.models.list(limit=2)
    assert (first.first_id, first.last_id, first.has_more) == (every[0], every[1], True)
    rest = await to.client.models.list(after_id=every[1])
    assert ([model.id for model in rest.data], rest.has_more) == (every[2:], False)
    before = await to.client.models.list(before_id=every[2], limit=1)
    assert ([model.id for model in before.data], before.has_more) == ([every[1]], True)
    assert await ids(to, before_id=every[0]) == []


@pytest.mark.parametrize("query", ["limit=0", "limit=many", "limit=1001", "after_id=nobody", "before_id=nobody"])
async def test_pages_that_there_are_not(to: Behind, query: str) -> None:
    answer = await to.http.get(f"/v1/models?{query}")
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")
