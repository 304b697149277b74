"""What a soak's samples say: growth with its bounds, and goals met or missed."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from samples import MEMORY
from slope import METHOD, Slope, slope

__all__ = ["METHOD", "Verdict", "of"]

MEGABYTES_AN_HOUR = 4.0
JUDGED_MINUTES = 5.0
JOURNAL_FILES, JOURNAL_MEGABYTES = 16, 64.0
"""What may wait is 100,000 records, in segments of 4 MiB, of this process and of those before it."""

Figures = Sequence[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """`growth` by what grows; each goal with its figure and whether it is met, None where it is not judged."""

    growth: dict[str, Any]
    goals: list[dict[str, Any]]
    lines: list[str]

    @property
    def all_met(self) -> bool:
        return all(goal["is_met"] is not False for goal in self.goals)


def of(result: dict[str, Any]) -> Verdict:
    samples: Figures = result["samples"]
    growth = {name: slope(_times(samples), values) for name, values in _series(samples).items()}
    goals = _goals(result, growth)
    return Verdict(
        {name: asdict(it) for name, it in growth.items() if it is not None}, goals, _lines(result, growth, goals=goals)
    )


def _series(samples: Figures) -> dict[str, list[float]]:
    """By what it is of: memory in MB of each process and of all, and what else could grow."""
    series = dict[str, list[float]]()
    names = [name for name in samples[0]["processes"] if all(name in sample["processes"] for sample in samples)]
    for name in names:
        for kind in MEMORY:
            series[f"{name} {kind}"] = [sample["processes"][name][kind] / 1000 for sample in samples]
    for kind in MEMORY:
        series[f"all {kind}"] = [_sum(sample, kind) / 1000 for sample in samples]
    series["all open_files"] = [_sum(sample, "open_files") for sample in samples]
    series["held"] = [sample["held"] for sample in samples]
    series["journal bytes"] = [sample["journal_bytes"] for sample in samples]
    return series


def _goals(result: dict[str, Any], growth: dict[str, Slope | None]) -> list[dict[str, Any]]:
    samples: Figures = result["samples"]
    memory, held = growth["all kept"], growth["held"]
    judged = result["minutes"] >= JUDGED_MINUTES and memory is not None
    files = max(sample["journal_files"] for sample in samples)
    megabytes = max(sample["journal_bytes"] for sample in samples) / 1e6
    before, after = result["processes_before"], result["processes_after"]
    wrong = sum(result["wrong"].values()) + result["broken"] + result["management_reads_failed"]
    share = result["unavailable"] / max(1, sum(result["answered"].values())) * 1000
    lost, left = result["passed_on"] - result["recorded"], result["held_at_the_end"]
    gone = before.items() - after.items()
    return [
        _goal(
            f"95 % bound of memory's growth, MB an hour (RSS less the journal's) < {MEGABYTES_AN_HOUR:g}",
            memory.upper if memory else None,
            memory.upper < MEGABYTES_AN_HOUR if judged and memory else None,
        ),
        _goal("amounts held at the end, once no call runs: 0", left, left == 0),
        _goal(
            "held amounts do not grow, an hour",
            held.an_hour if held else None,
            None if held is None or not judged else not held.grows_by_half_its_mean,
        ),
        _goal(f"journal files, at most <= {JOURNAL_FILES}", files, files <= JOURNAL_FILES),
        _goal(f"journal, MB at most <= {JOURNAL_MEGABYTES:g}", megabytes, megabytes <= JOURNAL_MEGABYTES),
        _goal("calls that the provider saw without a record, or records without a call: 0", abs(lost), lost == 0),
        _goal("answers that are wrong, broken or failed: 0", wrong, wrong == 0),
        _goal("calls in a thousand for which the database was too slow: at most 1", share, share <= 1),
        _goal("parts that ended or were started anew: 0", len(gone), before == after),
    ]


def _goal(name: str, figure: float | None, is_met: bool | None) -> dict[str, Any]:
    return {"name": name, "figure": figure, "is_met": is_met}


def _lines(result: dict[str, Any], growth: dict[str, Slope | None], *, goals: list[dict[str, Any]]) -> list[str]:
    samples: Figures = result["samples"]
    loads = [sample["load"] for sample in samples]
    lines = [
        result["machine"],
        f"{result['minutes']:.3g} minutes on {result['database']}, provider {result['provider']};"
        f" load average {min(loads):.1f} to {max(loads):.1f}",
        f"at most {result['maximum']:,.0f} calls/s, asked {result['wanted']:,.0f}, answered {result['rate']:,.0f};"
        f" waiting for a connection at most {result['waiting_most']:,}",
        "answered: " + ", ".join(f"{name} {number:,}" for name, number in sorted(result["answered"].items())),
        f"management API: {result['management_reads']:,} reads; provider {result['passed_on']:,} calls,"
        f" {result['recorded']:,} records; SQLite at the end {samples[-1]['database_bytes'] / 1e6:,.0f} MB",
        *(f"WRONG: {name}, {number:,} times" for name, number in result["wrong"].items()),
        "",
        f"{'MB':24}{'first':>16}{'last':>16}{'most':>16}{'growth an hour':>16}{'95 % bounds (each)':>26}",
    ]
    series = _series(samples)
    for name, values in series.items():
        if name.endswith(tuple(f" {kind}" for kind in MEMORY)):
            lines.append(_row(name, values, growth[name]))
    lines.append("kept: RSS without the mapped journal, whose pages come and go; anonymous: heaps and stacks alone")
    lines += [_row("open files", series["all open_files"], growth["all open_files"])]
    lines += [_row("held", series["held"], growth["held"], form=",.0f")]
    lines += [_row("journal, bytes", series["journal bytes"], growth["journal bytes"], form=",.0f")]
    lines += ["", METHOD, *_reach(result, growth["all kept"]), "", "Goals"]
    return lines + [_goal_line(goal) for goal in goals]


def _row(name: str, values: Sequence[float], growth: Slope | None, form: str = ",.1f") -> str:
    sizes = "".join(f" {format(value, form):>15}" for value in (values[0], values[-1], max(values)))
    if growth is None:
        return f"{name:24}{sizes}{'too short to tell':>20}"
    bounds = f"{format(growth.lower, form)} to {format(growth.upper, form)}"
    return f"{name:24}{sizes}{format(growth.an_hour, '+' + form):>16}{bounds:>26}"


def _reach(result: dict[str, Any], memory: Slope | None) -> list[str]:
    if memory is None:
        return ["Too short for a slope."]
    wide = memory.upper - memory.an_hour
    judged = "" if result["minutes"] >= JUDGED_MINUTES else " Under 5 minutes: not judged."
    return [
        f"{memory.blocks} blocks of {memory.block_seconds:.0f} s; the bound of the sum lies {wide:,.1f} MB an hour"
        f" above its slope: growth slower than that is not seen by this run.{judged}"
    ]


def _goal_line(goal: dict[str, Any]) -> str:
    verdict = "not judged" if goal["is_met"] is None else "met" if goal["is_met"] else "MISSED"
    figure = "" if goal["figure"] is None else format(goal["figure"], ",.2f")
    return f"  {goal['name']:78}{figure:>12}  {verdict}"


def _times(samples: Figures) -> list[float]:
    return [sample["at_seconds"] for sample in samples]


def _sum(sample: dict[str, Any], figure: str) -> int:
    """Of all processes."""
    return sum(int(process[figure]) for process in sample["processes"].values())
