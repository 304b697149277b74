"""How fast an installation starts, and how little it needs when nothing happens.

From spawn to `/readyz` on an existing data directory, median of 9: the gateway alone, and all parts. Then the
memory of the process tree, idle for 30 s, as its proportional set size (shared pages count by their share).
"""

import argparse
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
import psutil

GOALS = {
    "gateway_start_seconds": 1.0,
    "all_start_seconds": 3.0,
    "all_memory_megabytes": 200.0,
    "gateway_memory_megabytes": 60.0,
}


class Installation:
    """One data directory, started again and again on the same ports."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._ports = {part: free_port() for part in ("gateway", "control", "worker")}

    def start(self, *parts: str) -> tuple[subprocess.Popen[bytes], float]:
        """The process, and the seconds from spawn until every part is ready."""
        command = [sys.executable, "-m", "packhouse.cli.main", "serve", "--data", str(self._data)]
        command += ["--parts", ",".join(parts), "--log-level", "error"]
        for part, port in self._ports.items():
            command += [f"--{part}-port", str(port)]
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for part in parts:
            self._wait(part)
        return process, time.perf_counter() - began

    def _wait(self, part: str) -> None:
        url = f"http://127.0.0.1:{self._ports[part]}/readyz"
        deadline = time.perf_counter() + 60
        while time.perf_counter() < deadline:
            try:
                if httpx.get(url, timeout=10, trust_env=False).status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.005)
        raise SystemExit(f"the {part} did not become ready")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(20)


def proportional_megabytes(process: psutil.Process) -> float:
    rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
    kilobytes = next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    return kilobytes / 1024


def tree(process: subprocess.Popen[bytes]) -> dict[str, float]:
    """Proportional set size of each process, by what it is."""
    root = psutil.Process(process.pid)
    sizes = {"supervisor": proportional_megabytes(root)}
    for child in root.children(recursive=True):
        sizes[child.cmdline()[-1]] = proportional_megabytes(child)
    return sizes


def measure(rounds: int, idle_seconds: float) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        installation = Installation(Path(folder) / "data")
        everything = ("gateway", "control", "worker")
        stop(installation.start(*everything)[0])  # makes the database
        gateway, whole = list[float](), list[float]()
        for _ in range(rounds):
            for parts, seconds in ((("gateway",), gateway), (everything, whole)):
                process, took = installation.start(*parts)
                seconds.append(took)
                stop(process)
        process, _ = installation.start(*everything)
        time.sleep(idle_seconds)
        sizes = tree(process)
        stop(process)
        process, _ = installation.start("gateway")
        time.sleep(min(idle_seconds, 5))
        alone = sum(tree(process).values())
        stop(process)
    for part, size in sizes.items():
        print(f"  {part:<12}{size:7.1f} MB")
    return {
        "gateway_start_seconds": statistics.median(gateway),
        "all_start_seconds": statistics.median(whole),
        "all_memory_megabytes": sum(sizes.values()),
        "gateway_memory_megabytes": sizes["gateway"],
        "gateway_with_supervisor_megabytes": alone,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--idle-seconds", type=float, default=30)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    figures = measure(options.rounds, options.idle_seconds)
    for name, figure in figures.items():
        goal = GOALS.get(name)
        verdict = "" if goal is None else f"goal: under {goal:g}  {'met' if figure < goal else 'MISSED'}"
        print(f"{name:<36}{figure:8.2f}  {verdict}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
