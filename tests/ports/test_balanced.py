"""Several endpoints behind one adapter: what is tried again, where, and what is not."""

from collections.abc import AsyncGenerator
from random import Random

import pytest

from packhouse.adapters.models.balanced.adapter import BalancedEmbeddings, BalancedText
from packhouse.adapters.models.balanced.health import BreakerLimits, Health, retry_after_of
from packhouse.adapters.models.balanced.targets import Retries, Target, Targets
from packhouse.adapters.models.scripted import Script, Scripted
from packhouse.domain.chat import ChatAnswer, ChatPiece, ChatRequest, Message, StreamEnd, TextDelta
from packhouse.domain.chat_part import Text
from packhouse.domain.embedding import EmbedAnswer, EmbedRequest
from packhouse.domain.errors import Refused
from packhouse.domain.units import ModelTokens
from packhouse.ports.models import EmbeddingsModel, Sent, TextModel

pytestmark = pytest.mark.anyio

REQUEST = ChatRequest(model="m", messages=(Message("user", (Text("hello there"),)),), output_tokens_max=50)
AT_ONCE = Retries(first_seconds=0.0)


class Flaky:
    """Refuses the first calls with these, in turn, then answers as the scripted model does; counts its calls."""

    def __init__(self, *refusals: Refused, after_pieces: int = 0) -> None:
        self._refusals = list(refusals)
        self._after = after_pieces
        self._model = Scripted(Script(text="one two three"))
        self.calls = 0

    async def answer(self, request: ChatRequest, sent: Sent) -> ChatAnswer:
        self.calls += 1
        if self._refusals:
            raise self._refusals.pop(0)
        return await self._model.answer(request, sent)

    async def stream(self, request: ChatRequest, sent: Sent) -> AsyncGenerator[ChatPiece, None]:
        self.calls += 1
        for _ in range(self._after):
            yield TextDelta("begun ")
        if self._refusals:
            raise self._refusals.pop(0)
        async for piece in self._model.stream(request, sent):
            yield piece


def refused(code: str, **facts: object) -> Refused:
    return Refused(code, "so it is", **facts)


def over(*models: TextModel, retries: Retries = AT_ONCE, weights: tuple[float, ...] = ()) -> BalancedText:
    targets = [Target(model, weight) for model, weight in zip(models, weights or (1.0,) * len(models), strict=True)]
    return BalancedText(Targets[TextModel](targets, retries=retries, dice=Random(1)))


async def streamed(model: BalancedText) -> str:
    pieces = [piece async for piece in model.stream(REQUEST, lambda: None)]
    assert isinstance(pieces[-1], StreamEnd)
    return "".join(piece.text for piece in pieces if isinstance(piece, TextDelta))


async def collect(pieces: AsyncGenerator[ChatPiece, None], got: list[ChatPiece]) -> None:
    async for piece in pieces:
        got += [piece]  # what came before a refusal is kept


@pytest.mark.parametrize("code", ["provider_unreachable", "provider_throttled", "provider_failed"])
@pytest.mark.parametrize("stream", [False, True])
async def test_what_was_not_worked_on_is_tried_again(code: str, stream: bool) -> None:
    model = Flaky(refused(code), refused(code))
    balanced = over(model)
    text = await streamed(balanced) if stream else (await balanced.answer(REQUEST, lambda: None)).text
    assert text == "one two three"
    assert model.calls == 3


@pytest.mark.parametrize("code", ["provider_timeout", "provider_cut", "provider_refused", "context_exceeded"])
async def test_what_may_have_been_billed_or_is_the_callers_is_not(code: str) -> None:
    model = Flaky(refused(code))
    with pytest.raises(Refused) as no:
        await over(model).answer(REQUEST, lambda: None)
    assert (no.value.code, model.calls) == (code, 1)


async def test_attempts_end_with_the_providers_own_refusal() -> None:
    model = Flaky(*(refused("provider_failed") for _ in range(9)))
    with pytest.raises(Refused) as no:
        await over(model).answer(REQUEST, lambda: None)
    assert (no.value.code, model.calls) == ("provider_failed", 3)


async def test_nothing_is_tried_again_once_the_client_heard_of_it() -> None:
    model = Flaky(refused("provider_failed"), after_pieces=1)
    got = list[ChatPiece]()
    with pytest.raises(Refused):
        await collect(over(model).stream(REQUEST, lambda: None), got)
    assert (len(got), model.calls) == (1, 1)


async def test_a_long_wait_is_the_clients_to_wait() -> None:
    model = Flaky(refused("provider_throttled", retry_after_seconds=60))
    with pytest.raises(Refused) as no:
        await over(model).answer(REQUEST, lambda: None)
    assert (no.value.facts["retry_after_seconds"], model.calls) == (60, 1)


async def test_another_endpoint_takes_over_without_a_wait() -> None:
    throttled, well = Flaky(refused("provider_throttled", retry_after_seconds=60)), Flaky()
    balanced = over(throttled, well, weights=(1e9, 1.0))
    assert (await balanced.answer(REQUEST, lambda: None)).text == "one two three"
    assert (throttled.calls, well.calls) == (1, 1)
    assert (await balanced.answer(REQUEST, lambda: None)).text == "one two three"
    assert (throttled.calls, well.calls) == (1, 2), "it is left out until its provider takes calls again"


async def test_weights_share_the_calls() -> None:
    light, heavy = Flaky(), Flaky()
    balanced = over(light, heavy, weights=(1.0, 3.0))
    for _ in range(200):
        await balanced.answer(REQUEST, lambda: None)
    assert light.calls + heavy.calls == 200
    assert 110 <= heavy.calls <= 190


async def test_an_endpoint_that_fails_again_and_again_is_left_out_where_there_is_another() -> None:
    bad, well = Flaky(*(refused("provider_failed") for _ in range(1000))), Flaky()
    balanced = over(bad, well, retries=Retries(first_seconds=0.0, attempts_max=2))
    for _ in range(50):
        await balanced.answer(REQUEST, lambda: None)
    assert bad.calls == BreakerLimits().failures_max
    assert well.calls == 50


async def test_alone_it_is_never_left_out() -> None:
    bad = Flaky(*(refused("provider_timeout") for _ in range(10)))
    balanced = over(bad)
    for _ in range(10):
        with pytest.raises(Refused, match="so it is"):
            await balanced.answer(REQUEST, lambda: None)
    assert (await balanced.answer(REQUEST, lambda: None)).text == "one two three"


def test_the_breaker_opens_longer_each_time_and_lets_one_call_try() -> None:
    health = Health(BreakerLimits(failures_max=2, open_seconds=1.0, open_seconds_max=3.0))
    for now in (0.0, 0.0):
        assert health.usable(now)
        health.begin()
        health.refused(refused("provider_failed"), now)
    assert not health.usable(0.9)
    assert health.usable(1.0)
    health.begin()
    assert not health.usable(1.0), "one call at a time tries it"
    health.refused(refused("provider_failed"), 1.0)
    assert not health.usable(2.9)
    assert health.usable(3.0)
    health.begin()
    health.left()
    assert health.usable(3.0), "a client that went away says nothing of the endpoint"
    health.begin()
    health.answered()
    assert health.usable(3.0)
    health.refused(refused("provider_failed"), 3.0)
    assert health.usable(3.0), "it counts anew"


async def test_a_batch_that_was_partly_worked_on_is_not_sent_again() -> None:
    class Half:
        calls = 0

        async def embed(self, request: EmbedRequest, sent: Sent) -> EmbedAnswer:
            self.calls += 1
            failure = refused("provider_failed")
            failure.consumed = ModelTokens(7)
            raise failure

    half = Half()
    targets = Targets[EmbeddingsModel]([Target(half)], retries=AT_ONCE, dice=Random(1))
    with pytest.raises(Refused) as no:
        await BalancedEmbeddings(targets).embed(EmbedRequest(model="e", inputs=("a",)), lambda: None)
    assert (no.value.consumed, half.calls) == (ModelTokens(7), 1)


@pytest.mark.parametrize(("asked", "wait"), [(3, 3.0), (1e300, 3600.0), (float("inf"), None), (float("nan"), None)])
def test_an_absurd_wait_is_no_wait_for_ever(asked: float, wait: float | None) -> None:
    assert retry_after_of(refused("provider_throttled", retry_after_seconds=asked)) == wait
