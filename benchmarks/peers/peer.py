"""What each peer's file says of it, how it is installed into `.bench/`, and how it runs: on one core, one worker."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
from load import Question
from tools import GATEWAY_CORE, on_core

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / ".bench"
KEY = "sk-of-no-use-anywhere"
START_SECONDS = 120
INSTALL_SECONDS = 1200


class NotRun(Exception):
    """A peer that cannot be measured here: the reason, in one line."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a peer runs: what is installed for it, a folder for this run's files, its port, the provider's URL."""

    home: Path
    work: Path
    port: int
    provider: str


@dataclass(frozen=True, slots=True)
class Peer:
    """A gateway of others'. `install` raises NotRun; `headers` come with each call; `leaves_out` is one line."""

    name: str
    leaves_out: str
    install: Callable[[Path], None]
    command: Callable[[Place], list[str]]
    environment: dict[str, str] = field(default_factory=dict[str, str])
    headers: Callable[[Place], dict[str, str]] = lambda _: {}

    @property
    def home(self) -> Path:
        return HOME / self.name

    def questions(self, place: Place) -> dict[str, Question]:
        headers = {"authorization": f"Bearer {KEY}", **self.headers(place)}
        return {kind: Question.chat(headers, stream=kind == "streaming") for kind in ("plain", "streaming")}

    @contextmanager
    def running(self, provider: str) -> "Generator[Running]":
        """From spawn to the first good answer is its cold start. Ends with all its processes."""
        with tempfile.TemporaryDirectory() as work:
            place = Place(self.home, Path(work), free_port(), provider)
            command = on_core(GATEWAY_CORE, *self.command(place))
            questions, url = self.questions(place), f"http://127.0.0.1:{place.port}"
            log = Path(work) / "output.txt"
            with log.open("wb") as output:
                began = time.perf_counter()
                process = subprocess.Popen(
                    command, stdout=output, stderr=output, cwd=work, env=without_proxies() | self.environment
                )
            try:
                seconds = until_answered(url, questions["plain"], process, began=began, log=log)
                yield Running(url, questions, process.pid, seconds)
            finally:
                end(process)


@dataclass(frozen=True, slots=True)
class Running:
    """A gateway that answers: `pid` is the root of its processes; `questions` by kind, `plain` and `streaming`."""

    url: str
    questions: dict[str, Question]
    pid: int
    start_seconds: float


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def without_proxies() -> dict[str, str]:
    """Everything here is on this machine."""
    return {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}


def until_answered(
    url: str, question: Question, process: subprocess.Popen[bytes], *, began: float, log: Path | None = None
) -> float:
    """Seconds since `began` until it answers with 200; NotRun where it ends or takes too long."""
    headers = question.headers
    with httpx.Client(trust_env=False, timeout=30) as client:
        while time.perf_counter() - began < START_SECONDS:
            if process.poll() is not None:
                break
            with suppress(httpx.TransportError):
                if client.post(url + question.path, content=question.body, headers=headers).status_code == 200:
                    return time.perf_counter() - began
            time.sleep(0.01)
    said = log.read_text(errors="replace").strip().splitlines()[-1:] if log else []
    raise NotRun(f"it did not start ({' '.join(said)[:200] or 'and said nothing'})")


def end(process: subprocess.Popen[bytes]) -> None:
    processes = tree(process.pid)
    for each in processes:
        with suppress(psutil.NoSuchProcess):
            each.terminate()
    _, alive = psutil.wait_procs(processes, timeout=10)
    for each in alive:
        with suppress(psutil.NoSuchProcess):
            each.kill()
    process.wait(10)


def tree(pid: int) -> list[psutil.Process]:
    """A process and all below it; empty where it is gone."""
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def pip_install(home: Path) -> None:
    """A virtual environment of its own with exactly what the peer's lock names; quick where it is there."""
    lock = ROOT / "requirements" / f"bench-{home.name}.txt"
    if _is_installed(home, lock):
        return
    print(f"installing {home.name} into {home.relative_to(ROOT)}", file=sys.stderr)
    _do([sys.executable, "-m", "venv", "--clear", str(home)])
    pip = [str(home / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    _do([*pip, "--only-binary", ":all:", "--require-hashes", "--compile", "--requirement", str(lock)])
    (home / "installed").write_bytes(lock.read_bytes())


def npm_install(home: Path) -> None:
    """Exactly what the peer's package-lock.json names."""
    project = Path(__file__).with_name(home.name)
    lock = project / "package-lock.json"
    if _is_installed(home, lock):
        return
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise NotRun("node and npm are not installed")
    print(f"installing {home.name} into {home.relative_to(ROOT)}", file=sys.stderr)
    home.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(project / name, home / name)
    _do(["npm", "ci", "--loglevel", "error", "--no-audit", "--no-fund", "--prefix", str(home)])
    (home / "installed").write_bytes(lock.read_bytes())


def _is_installed(home: Path, lock: Path) -> bool:
    stamp = home / "installed"
    return stamp.exists() and stamp.read_bytes() == lock.read_bytes()


def _do(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotRun(f"it could not be installed ({error})") from error
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise NotRun(f"it could not be installed ({said[-1][:200] if said else command[0]})")
