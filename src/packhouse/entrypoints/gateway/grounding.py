"""The `packhouse` field, the same in every dialect: which collections to ground in, and what an answer stands on."""

from collections.abc import Sequence
from typing import Any

import msgspec

from packhouse.domain.content import Content
from packhouse.domain.knowledge_filter import parse_filter
from packhouse.services.grounded import Grounds, KnowledgeChoice
from packhouse.services.grounding import Reference
from packhouse.services.search import ANY_SIMILARITY

RESULTS_DEFAULT = 5


class WireChoice(Content, frozen=True):
    """A collection to ground the answer in."""

    collection: str = "default"
    filter: dict[str, Any] | None = None
    max_results: int | None = None
    minimum_similarity: float | None = None
    resource: str = ""


class PackhouseOptions(Content, frozen=True, forbid_unknown_fields=True):
    knowledge: tuple[WireChoice, ...] = ()


class EmbeddingsUsage(msgspec.Struct, frozen=True):
    input_tokens: int


class OutUsage(msgspec.Struct, frozen=True):
    embeddings: EmbeddingsUsage


class OutPackhouse(Content, frozen=True):
    references: Sequence[Reference]
    usage: OutUsage


def choices_of(choices: Sequence[WireChoice]) -> list[KnowledgeChoice]:
    """Refused(filter_invalid)."""
    return [
        KnowledgeChoice(
            collection=choice.collection,
            resource=choice.resource,
            chosen=parse_filter(choice.filter or {}),
            max_results=RESULTS_DEFAULT if choice.max_results is None else choice.max_results,
            minimum_similarity=ANY_SIMILARITY if choice.minimum_similarity is None else choice.minimum_similarity,
        )
        for choice in choices
    ]


def packhouse_of(grounds: Grounds) -> msgspec.Raw:
    """What goes along with a grounded answer."""
    usage = OutUsage(EmbeddingsUsage(grounds.tokens.total))
    return msgspec.Raw(msgspec.json.encode(OutPackhouse(grounds.references, usage)))
