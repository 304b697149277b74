"""All parts of one installation on one machine: ports first, then a process a part, restarted when it dies."""

import asyncio
import errno
import fcntl
import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from packhouse.domain.errors import Refused
from packhouse.settings import PartName, Settings

RESTART_SECONDS = (0.1, 0.5, 2.0, 5.0)
"""How long a part that died waits for its next start; a part that lived a minute begins anew."""
LIVED_SECONDS = 60.0
FIRST_STARTS = 3
"""A part that dies so often before it was ever ready will not start at all."""
KILL_AFTER_DRAIN_SECONDS = 1.5
"""With the longest drain that the settings allow all is over within ten seconds."""


class Supervisor:
    """Starts the parts and keeps them running until `stop` is set."""

    def __init__(self, settings: Settings, *, tell: Callable[[str], None]) -> None:
        self._settings = settings
        self._tell = tell
        self._data = Path(settings.data)
        self._lock = -1
        self._sockets = dict[PartName, socket.socket]()
        self._children = set[asyncio.subprocess.Process]()
        self._stopping = False
        self._refused: Refused | None = None
        self.gateway_url = ""
        self.control_url = ""

    def prepare(self) -> None:
        """Refused: data_directory_unusable, already_running, port_in_use; nothing was started then."""
        make_data_directory(self._data)
        self._lock = lock_data_directory(self._data)
        settings = self._settings
        addresses: dict[PartName, tuple[str, int]] = {
            "gateway": (settings.gateway_host, settings.gateway_port),
            "control": (settings.control_host, settings.control_port),
            "worker": (settings.worker_host, settings.worker_port),
        }
        for part in settings.parts:
            host, port = addresses[part]
            self._sockets[part] = listen(part, host, port=port)
        self.gateway_url = settings.gateway_url or self._url("gateway", addresses["gateway"])
        self.control_url = settings.control_url or self._url("control", addresses["control"])

    async def run(self, stop: asyncio.Event, *, ready: Callable[[], None]) -> None:
        """Until `stop`; `ready` is called when all parts are. Refused where a part refuses to start."""
        parts = self._processes()
        signs = [asyncio.Event() for _ in parts]
        tasks = [
            asyncio.create_task(self._keep(part, stop, is_ready=sign)) for part, sign in zip(parts, signs, strict=True)
        ]
        announce = asyncio.create_task(_announce(signs, ready=ready))
        await stop.wait()
        announce.cancel()
        self._stopping = True
        await self._end()
        await asyncio.gather(*tasks)
        for each in self._sockets.values():
            each.close()
        os.close(self._lock)
        if self._refused is not None:
            raise self._refused

    def _processes(self) -> list[PartName]:
        """A part for each process of it. Those of the gateway accept from the one socket that all of them share."""
        gateways = self._settings.gateway_processes
        return [part for part in self._settings.parts for _ in range(gateways if part == "gateway" else 1)]

    async def _keep(self, part: PartName, stop: asyncio.Event, *, is_ready: asyncio.Event) -> None:
        """Starts the part, and again each time that it dies."""
        deaths = 0
        loop = asyncio.get_running_loop()
        while not self._stopping:
            began = loop.time()
            child = await self._spawn(part)
            refused = await self._listen(child, is_ready)
            code = await child.wait()
            self._children.discard(child)
            if self._stopping:
                return
            if refused:
                self._refused = Refused("unavailable", refused)
                stop.set()
                return
            deaths = 0 if loop.time() - began > LIVED_SECONDS else deaths + 1
            if deaths >= FIRST_STARTS and not is_ready.is_set():
                self._refused = Refused("unavailable", f"The {part} cannot start; the lines above say why.")
                stop.set()
                return
            self._tell(f"The {part} ended with code {code}; it is started again.")
            await asyncio.sleep(RESTART_SECONDS[min(deaths, len(RESTART_SECONDS) - 1)])

    async def _spawn(self, part: PartName) -> asyncio.subprocess.Process:
        listening = self._sockets[part]
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "packhouse.wiring.part",
            part,  # for whoever looks at the list of processes
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            pass_fds=(listening.fileno(),),
            start_new_session=True,  # a terminal's Ctrl-C reaches the supervisor alone, which then drains
        )
        order = {
            "part": part,
            "settings": msgspec.to_builtins(self._settings),
            "socket": listening.fileno(),
            "gateway_url": self.gateway_url,
            "control_url": self.control_url,
        }
        assert child.stdin is not None
        child.stdin.write(json.dumps(order).encode() + b"\n")
        self._children.add(child)
        return child

    async def _listen(self, child: asyncio.subprocess.Process, is_ready: asyncio.Event) -> str:
        """Until the part's standard output ends; the sentence of a refusal, if that is why."""
        assert child.stdout is not None
        refused = ""
        async for line in child.stdout:
            message = json.loads(line)
            if "ready" in message:
                is_ready.set()
            elif "refused" in message:
                refused = message["refused"]
            elif "tell" in message:
                self._tell(message["tell"])
        return refused

    async def _end(self) -> None:
        running = [child for child in self._children if child.returncode is None]
        for child in running:
            child.send_signal(signal.SIGTERM)
        if running:
            waits = [asyncio.create_task(child.wait()) for child in running]
            await asyncio.wait(waits, timeout=self._settings.drain_seconds + KILL_AFTER_DRAIN_SECONDS)
        for child in running:
            if child.returncode is None:
                child.kill()

    def _url(self, part: PartName, address: tuple[str, int]) -> str:
        host, port = address
        if part in self._sockets:
            port = self._sockets[part].getsockname()[1]
        return f"http://{'127.0.0.1' if host in {'0.0.0.0', '::'} else host}:{port}"


async def _announce(signs: list[asyncio.Event], *, ready: Callable[[], None]) -> None:
    for sign in signs:
        await sign.wait()
    ready()


def listen(part: PartName, host: str, *, port: int) -> socket.socket:
    """A socket that listens already, so that a part that starts again misses no client."""
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(2048)
    except socket.gaierror as error:
        listening.close()
        raise Refused(
            "setting_invalid",
            f"The {part} cannot listen on {host!r}: that is no address, and no name that is known here "
            f"({error.strerror}). Mend --{part}-host.",
        ) from error
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRNOTAVAIL:
            raise Refused(
                "setting_invalid",
                f"The {part} cannot listen on {host!r}: this machine does not have that address. Mend --{part}-host.",
            ) from error
        raise Refused(
            "port_in_use",
            f"The {part} cannot listen on {host}:{port}: {error.strerror}. Free the port, or choose another with "
            f"--{part}-port (0 picks a free one).",
            port=port,
        ) from error
    return listening


def make_data_directory(data: Path) -> None:
    """Made readable by its owner only. Refused(data_directory_unusable)."""
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        probe = data / ".writable"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise Refused(
            "data_directory_unusable",
            f"The data directory {data} cannot be written: {error.strerror}. Choose another with --data.",
        ) from error


def lock_data_directory(data: Path) -> int:
    """Held for as long as the process lives. Refused(already_running)."""
    lock = os.open(data / "packhouse.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        raise Refused(
            "already_running",
            f"Another Packhouse runs on the data directory {data}. Stop it first, or choose another with --data.",
        ) from error
    return lock
