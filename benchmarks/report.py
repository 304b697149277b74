"""A comparison's figures as rows, and as a table."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from subjects import Subject


def tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def rows(subjects: Sequence[Subject]) -> list[dict[str, Any]]:
    """A row for each kind of call, number of connections and subject: medians, the best rate, and every run."""
    bare = subjects[0]
    found = list[dict[str, Any]]()
    for place in bare.samples:
        for subject in subjects:
            row: dict[str, Any] = {"kind": place[0], "connections": place[1], "name": subject.name}
            row |= {"requests_per_second": subject.median(place, "rate"), "best": subject.best_rate(place)}
            row["times_bare"] = ratio(row["requests_per_second"], bare.median(place, "rate"))
            for figure in ("p50_milliseconds", "p99_milliseconds"):
                row[figure] = subject.median(place, figure)
                row[f"added_{figure}"] = subject.added(place, figure, over=bare)
            row |= {name: subject.median(place, name) for name in ("cpu_microseconds", "busy")}
            row |= {"failed": subject.failed(place), "runs": [asdict(sample) for sample in subject.samples[place]]}
            found.append(row)
    return found


def starts(
    subjects: Sequence[Subject], *, memory: Mapping[str, float | None], core_memory: Mapping[str, float | None]
) -> list[dict[str, Any]]:
    return [
        {
            "name": subject.name,
            "start_seconds": subject.start_seconds,
            "memory_peak_megabytes": memory[subject.name],
            "gateway_memory_peak_megabytes": core_memory[subject.name],
            "first_piece_milliseconds": subject.first_piece_milliseconds,
        }
        for subject in subjects
        if subject.pid is not None
    ]


def ratio(mine: float | None, theirs: float | None) -> float | None:
    return mine / theirs if mine is not None and theirs else None


def text(result: Mapping[str, Any], leaves_out: Mapping[str, str]) -> str:
    before, after = (", ".join(f"{each:.1f}" for each in result[f"load_{when}"]) for when in ("before", "after"))
    lines = [result["machine"], f"load averages before {before}; after {after}; {result['minutes']} minutes", ""]
    lines += [*_calls(result["rows"]), "", *_starts(result["starts"])]
    if streams := result["open_streams"]:
        sizes = [streams[f"{when}_rss_kilobytes"] / 1000 for when in ("before", "open", "ended")]
        lines.append(
            f"{streams['streams']:,} open streams in one process, MB (RSS): before {sizes[0]:.0f}, open {sizes[1]:.0f},"
            f" ended {sizes[2]:.0f}; {streams['stream_rss_kilobytes']:.1f} kB each"
        )
    if result["goals"]:
        lines += ["", "Goals (medians)", *(_goal(goal) for goal in result["goals"])]
        lines += ["", "Where Packhouse loses", *(result["losses"] or ["  nowhere"])]
    lines += ["", "What each leaves out"]
    lines += ["  packhouse: nothing: key, exact quota, journal, usage in the database (SQLite)"]
    lines += [f"  {name}: {what}" for name, what in leaves_out.items()]
    if result["usage"]:
        usage = result["usage"]
        lines += ["", f"packhouse passed on {usage['passed_on']:,} calls and recorded {usage['recorded']:,}"]
    return "\n".join([*lines, *(f"not run: {name}: {reason}" for name, reason in result["not_run"].items())])


def _goal(goal: Mapping[str, Any]) -> str:
    verdict = "not measured" if goal["is_met"] is None else "met" if goal["is_met"] else "MISSED"
    best = "" if goal["best"] is None else f" (best {goal['best']:,.2f})"
    return f"  {goal['name']:58}{_n(goal['figure'], ',.2f', 12)}{best:>18}{goal['wanted']:>12}  {verdict}"


def _calls(found: Sequence[Mapping[str, Any]]) -> list[str]:
    heads = ("requests/s", "(best)", "of bare", "p50 ms", "p99 ms", "+p50 ms", "+p99 ms", "CPU µs", "core", "failed")
    lines, place = list[str](), None
    for row in found:
        if place != (place := (row["kind"], row["connections"])):
            title = f"{row['kind']}, {row['connections']} connection{'s' if row['connections'] > 1 else ''}"
            lines += ["", f"{title:26}" + "".join(f"{head:>11}" for head in heads)]
        lines.append(
            f"  {row['name']:24}{_n(row['requests_per_second'], ',.0f')}{_n(row['best'], ',.0f')}"
            f"{_n(row['times_bare'], '.1%')}{_n(row['p50_milliseconds'], ',.3f')}{_n(row['p99_milliseconds'], ',.2f')}"
            f"{_n(row['added_p50_milliseconds'], ',.3f')}{_n(row['added_p99_milliseconds'], ',.2f')}"
            f"{_n(row['cpu_microseconds'], ',.0f')}{_n(row['busy'], '.0%')}{_n(row['failed'] or None, ',')}"
        )
    explained = (
        "Medians of the rounds. `bare` is the provider with nothing before it: what load and provider can do here at"
        " all.\n`+` over bare; `CPU` of all the gateway's processes, a call; `core` is how busy the gateway's core was."
    )
    return [explained, *lines]


def _starts(found: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = [f"{'':26}{'cold start s':>14}{'peak MB (RSS)':>16}{'gateway process':>18}{'first piece ms':>16}"]
    return lines + [
        f"  {row['name']:24}{_n(row['start_seconds'], '.2f', 14)}{_n(row['memory_peak_megabytes'], ',.0f', 16)}"
        f"{_n(row['gateway_memory_peak_megabytes'], ',.0f', 18)}{_n(row['first_piece_milliseconds'], '.1f', 16)}"
        for row in found
    ]


def _n(figure: float | None, form: str, width: int = 11) -> str:
    return f"{'' if figure is None else format(figure, form):>{width}}"
