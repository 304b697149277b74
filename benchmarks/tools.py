"""The programs that the benchmarks are made with, from Debian's packages, and the cores they run on."""

import os
import shutil
import subprocess
import sys

PACKAGES = {"nginx": "nginx-light", "wrk": "wrk", "taskset": "util-linux", "cc": "gcc libc6-dev"}
GATEWAY_CORE = 0
LOAD_CORE = 1


def need(*programs: str) -> None:
    """Installs what is missing where that is possible, else ends with what to do."""
    missing = [name for program in programs if shutil.which(program) is None for name in PACKAGES[program].split()]
    if (os.cpu_count() or 1) < 2:
        raise SystemExit("This benchmark needs two cores: one for the gateway, one for load and upstream.")
    if not missing:
        return
    install = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise SystemExit(f"Missing programs. On Debian, as root: {' '.join(install)}")
    print(f"installing {' '.join(missing)} with apt-get", file=sys.stderr)
    subprocess.run(["apt-get", "update"], check=True, stdout=subprocess.DEVNULL)
    # A daemon that the package would start is not wanted: the benchmark starts its own.
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    subprocess.run(install, check=True, stdout=subprocess.DEVNULL, env=quiet)


def on_core(core: int, *command: str) -> list[str]:
    return ["taskset", "--cpu-list", str(core), *command]


def pin(pid: int, core: int) -> None:
    """Moves a running process, with all its threads, to one core."""
    for thread in os.listdir(f"/proc/{pid}/task"):
        os.sched_setaffinity(int(thread), {core})


def machine() -> str:
    with open("/proc/cpuinfo") as file:
        models = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    load = os.getloadavg()[0]
    python = ".".join(str(part) for part in sys.version_info[:3])
    return f"{models[0] if models else 'unknown CPU'}, {os.cpu_count()} cores, Python {python}, load {load:.1f}"
