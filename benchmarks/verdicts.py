"""What the figures of a comparison say: goals met or missed, and every line that Packhouse loses."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from subjects import Subject

RATE = 10_000
TIMES = {"litellm": 80.0, "portkey": 8.0, "smg": 2.0, "rolter": 2.0}
ADDED_P50_MILLISECONDS = 0.5
P99_MILLISECONDS = 25.0
OPEN_STREAMS_MEGABYTES = 200.0
MANY, FEW = ("plain", 64), ("plain", 1)
FIGURES = {
    "rate": ("requests/s", False),
    "p50_milliseconds": ("p50 ms", True),
    "p99_milliseconds": ("p99 ms", True),
    "cpu_microseconds": ("CPU µs a call", True),
}
"""What is compared: its name, and whether less is better."""


@dataclass(frozen=True, slots=True)
class Goal:
    """`figure` is a median, None where it was not measured; `best` is what the best runs come to."""

    name: str
    wanted: str
    figure: float | None
    is_met: bool | None
    best: float | None = None


def goals(subjects: Sequence[Subject], streams: dict[str, Any] | None) -> list[Goal]:
    by_name = {subject.name: subject for subject in subjects}
    ours = by_name["packhouse"]
    rate, best = ours.median(MANY, "rate"), ours.best_rate(MANY)
    found = [_over("requests/s on one core, plain, 64 connections", rate, goal=RATE, best=best)]
    for name, times in TIMES.items():
        peer = by_name.get(name)
        ratio = _times(rate, peer.median(MANY, "rate")) if peer else None
        best_ratio = _times(best, peer.best_rate(MANY)) if peer else None
        found.append(_over(f"times the requests/s of {name}, plain, 64", ratio, goal=times, best=best_ratio))
    added = ours.added(FEW, "p50_milliseconds", over=by_name["bare"])
    found.append(_under("added p50 ms, plain, 1 connection", added, goal=ADDED_P50_MILLISECONDS))
    p99 = ours.median(MANY, "p99_milliseconds")
    found.append(_under("p99 ms, plain, 64 connections", p99, goal=P99_MILLISECONDS))
    megabytes = streams["open_rss_kilobytes"] / 1000 if streams else None
    name = f"MB (RSS) of one process with {streams['streams'] if streams else 1000:,} open streams"
    return [*found, _under(name, megabytes, goal=OPEN_STREAMS_MEGABYTES)]


def losses(subjects: Sequence[Subject]) -> list[str]:
    """A line for each figure in which peers do better, the best of them first."""
    ours = next(subject for subject in subjects if subject.name == "packhouse")
    peers = [subject for subject in subjects if subject.name not in ("bare", "packhouse")]
    return [line for line in _lines(ours, peers) if line]


def _lines(ours: Subject, peers: Sequence[Subject]) -> Iterator[str]:
    for place in ours.samples:
        for figure, (name, less) in FIGURES.items():
            theirs = {_named(peer, place): peer.median(place, figure) for peer in peers}
            what = f"{place[0]}, {place[1]} connection{'s' if place[1] > 1 else ''}, {name}"
            yield _line(what, ours.median(place, figure), theirs=theirs, less=less)
    starts = {peer.name: peer.start_seconds for peer in peers}
    yield _line("cold start, s", ours.start_seconds, theirs=starts, less=True)
    memory = {peer.name: peer.memory_megabytes() for peer in peers}
    yield _line("peak memory of all its processes, MB", ours.memory_megabytes(), theirs=memory, less=True)


def _named(peer: Subject, place: tuple[str, int]) -> str:
    failed = peer.failed(place)
    return f"{peer.name} ({failed:,} failed)" if failed else peer.name


def _line(what: str, mine: float | None, *, theirs: dict[str, float | None], less: bool) -> str:
    """Empty where nobody does better."""
    measured = [(figure, name) for name, figure in theirs.items() if figure is not None]
    better = [each for each in measured if mine is not None and (each[0] < mine if less else each[0] > mine)]
    named = ", ".join(f"{name} {figure:,.2f}" for figure, name in sorted(better, reverse=not less))
    return f"  {what}: packhouse {mine:,.2f}; {named}" if better and mine is not None else ""


def _times(mine: float | None, theirs: float | None) -> float | None:
    return mine / theirs if mine is not None and theirs else None


def _over(name: str, figure: float | None, *, goal: float, best: float | None) -> Goal:
    return Goal(name, f"> {goal:,g}", figure, None if figure is None else figure > goal, best)


def _under(name: str, figure: float | None, *, goal: float) -> Goal:
    return Goal(name, f"< {goal:g}", figure, None if figure is None else figure < goal)
