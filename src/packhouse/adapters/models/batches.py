"""Embeddings in batches: what is larger than a provider takes is split, run side by side, and joined in order."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import chain

import msgspec

from packhouse.domain.embedding import EmbedAnswer, EmbedRequest, TypedVectors
from packhouse.domain.errors import Refused
from packhouse.domain.units import ModelTokens
from packhouse.ports.models import Sent

AT_ONCE = 8
"""Batches of one call that are under way at the same time."""

Embed = Callable[[EmbedRequest, Sent], Awaitable[EmbedAnswer]]


async def embed_in_batches(request: EmbedRequest, sent: Sent, *, inputs_max: int, embed: Embed) -> EmbedAnswer:
    """The whole answer, in the order of `request.inputs`; `embed` is called with at most `inputs_max` of them.

    The first refusal ends the other batches. It carries what those that had ended consumed (`Refused.consumed`).
    """
    if len(request.inputs) <= inputs_max:
        return await embed(request, sent)
    batches = [
        msgspec.structs.replace(request, inputs=request.inputs[start : start + inputs_max])
        for start in range(0, len(request.inputs), inputs_max)
    ]
    tasks = _started(batches, sent, embed=embed)
    try:
        answers = await asyncio.gather(*tasks)
    except Refused as refused:
        refused.consumed = _consumed(tasks)
        raise
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return joined(answers)


def _started(batches: Sequence[EmbedRequest], sent: Sent, *, embed: Embed) -> list[asyncio.Task[EmbedAnswer]]:
    slots = asyncio.Semaphore(AT_ONCE)
    told = False

    def once() -> None:
        nonlocal told
        if not told:
            told = True
            sent()

    async def one(batch: EmbedRequest) -> EmbedAnswer:
        async with slots:
            return await embed(batch, once)

    return [asyncio.create_task(one(batch)) for batch in batches]


def _consumed(tasks: Sequence[asyncio.Task[EmbedAnswer]]) -> ModelTokens | None:
    """What batches that were answered reported; None where none was."""
    answered = [task.result() for task in tasks if task.done() and not task.cancelled() and task.exception() is None]
    reported = [answer.tokens for answer in answered if answer.tokens is not None]
    return sum(reported, ModelTokens()) if reported else None


def joined(answers: Sequence[EmbedAnswer]) -> EmbedAnswer:
    """One answer of several in order. Refused(provider_malformed) where their dimensions differ."""
    first = answers[0]
    if len({answer.dimensions for answer in answers}) > 1:
        raise Refused("provider_malformed", "The model's provider answered with vectors of different dimensions.")
    counted = [answer.tokens for answer in answers if answer.tokens is not None]
    return EmbedAnswer(
        tuple(chain.from_iterable(answer.vectors for answer in answers)),
        first.dimensions,
        sum(counted, ModelTokens()) if len(counted) == len(answers) else None,
        tuple(
            TypedVectors(typed.type, tuple(chain.from_iterable(answer.typed[place].vectors for answer in answers)))
            for place, typed in enumerate(first.typed)
        ),
        sum(answer.image_tokens for answer in answers),
    )
