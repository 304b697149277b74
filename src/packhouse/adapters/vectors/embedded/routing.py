"""How a nearest-neighbour search is run so that a filter never costs results.

An index looks into a few partitions and takes what passes the filter there; the rarer such chunks are, the
more partitions it takes, and where they are few the exact way is the faster one too.
"""

import math

import msgspec

EXACT_CHUNKS_MAX = 10_000
"""Up to so many chunks that pass are compared one by one."""

INDEX_FROM_CHUNKS = 50_000
"""Below it every search compares one by one: tens of milliseconds, nothing to build."""

FIELD_INDICES_FROM_CHUNKS = 10_000
"""From here on filters have indices."""

PARTITION_CHUNKS = 4_096
"""What one partition of the index holds, about."""

PROBES = 20
"""Partitions looked into where everything passes."""

CANDIDATES_PER_RESULT = 5
CANDIDATES_MIN = 100
"""Candidates from compressed vectors whose true similarity is computed before the best are chosen."""


class Tuning(msgspec.Struct, frozen=True):
    """The thresholds, in chunks; smaller ones for tests."""

    exact_chunks_max: int = EXACT_CHUNKS_MAX
    index_from_chunks: int = INDEX_FROM_CHUNKS
    field_indices_from_chunks: int = FIELD_INDICES_FROM_CHUNKS
    partition_chunks: int = PARTITION_CHUNKS


class Route(msgspec.Struct, frozen=True):
    """`probes` None: exactly, past any index. Else how many partitions, and candidates for each result."""

    probes: int | None = None
    refine: int = 1


EXACT = Route()


def route(total: int, passing: int, *, max_results: int, tuning: Tuning) -> Route:
    """For a collection of `total` chunks of which `passing` pass the filter."""
    if passing <= tuning.exact_chunks_max or total < tuning.index_from_chunks // 2:
        return EXACT
    partitions = max(1, math.ceil(total / tuning.partition_chunks))
    probes = min(partitions, math.ceil(PROBES * total / passing))
    return Route(probes, max(CANDIDATES_PER_RESULT, math.ceil(CANDIDATES_MIN / max_results)))
