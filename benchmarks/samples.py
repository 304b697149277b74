"""What a running Packhouse holds at one instant: memory, open files, journal, blocks of quota."""

import asyncio
import os
import sqlite3
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import psutil
from peers.peer import tree

MEMORY = ("rss", "kept", "pss", "uss", "anonymous")
"""`kept`: the RSS without the mapped journal, whose size is bounded and judged for itself."""
COUNTED = frozenset({"Rss", "Pss", "Private_Clean", "Private_Dirty", "Anonymous"})
HELD = "SELECT coalesce(sum(amount), 0) FROM meter_block"
"""What processes have leased of the packs' quotas: nothing once no call runs."""


@dataclass(frozen=True, slots=True)
class Sample:
    """`processes`: by name what each has, memory in units of 1,000 bytes; `held` in units of the meters."""

    at_seconds: float
    processes: dict[str, dict[str, int]]
    journal_files: int
    journal_bytes: int
    database_bytes: int
    held: int
    load: float

    def whole(self, figure: str) -> int:
        """Of all processes together."""
        return sum(process[figure] for process in self.processes.values())


@dataclass(frozen=True, slots=True)
class Watched:
    """A Packhouse that runs: its supervisor's pid, its data directory, and its database where that is PostgreSQL."""

    pid: int
    data: Path
    database_url: str = ""

    def sample(self, at_seconds: float) -> Sample:
        journal = [path.stat().st_size for path in _files(self.data / "journal")]
        database = [path.stat().st_size for path in self.data.glob("packhouse.db*")]
        processes = {name: _of(process) for name, process in self.processes().items()}
        load = os.getloadavg()[0]
        return Sample(at_seconds, processes, len(journal), sum(journal), sum(database), self.held(), load)

    def processes(self) -> dict[str, psutil.Process]:
        """By name; a second of a name gets a number."""
        found = dict[str, psutil.Process]()
        for process in tree(self.pid):
            command = process.cmdline()
            name = command[-1] if "packhouse.wiring.part" in command else "supervisor"
            name = name if name not in found else f"{name} {process.pid}"
            found[name] = process
        return found

    def held(self) -> int:
        if self.database_url:
            with ThreadPoolExecutor(1) as thread:
                return thread.submit(asyncio.run, _fetched(self.database_url)).result()
        connection = sqlite3.connect(f"file:{self.data / 'packhouse.db'}?mode=ro", uri=True, timeout=30)
        try:
            return int(connection.execute(HELD).fetchone()[0])
        finally:
            connection.close()


async def _fetched(url: str) -> int:
    connect: Any = vars(asyncpg)["connect"]  # typed in part
    connection = await connect(url)
    try:
        return int(await connection.fetchval(HELD))
    finally:
        await connection.close()


def _files(folder: Path) -> list[Path]:
    """Those that are still there."""
    return [path for path in folder.iterdir() if path.is_file()]


def _of(process: psutil.Process) -> dict[str, int]:
    """Added up over its mappings, since one of them, the journal's, is to be told apart: its pages come and go."""
    sizes, in_journal = Counter[str](), False
    for line in Path(f"/proc/{process.pid}/smaps").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name in COUNTED:
            sizes[name] += (kilobytes := int(rest.split()[0]))
            if name == "Rss" and in_journal:
                sizes["journal"] += kilobytes
        elif " " in name:
            in_journal = ".journal" in line
    rss, private = sizes["Rss"], sizes["Private_Clean"] + sizes["Private_Dirty"]
    memory = {"rss": rss, "kept": rss - sizes["journal"], "pss": sizes["Pss"], "uss": private}
    memory["anonymous"] = sizes["Anonymous"]
    kilobytes = {name: size * 1024 // 1000 for name, size in memory.items()}
    return kilobytes | {"open_files": process.num_fds(), "threads": process.num_threads()}
