"""smg, in Rust; its wheel brings the program."""

from peers.peer import KEY, Peer, Place, pip_install


def command(place: Place) -> list[str]:
    program = [str(place.home / "bin/smg"), "launch", "--host", "127.0.0.1", "--port", str(place.port)]
    upstream = ["--worker-urls", place.provider, "--backend", "openai", "--model-path", "default"]
    return [*program, *upstream, "--tenant-api-key", f"t1:{KEY}", "--disable-retries", "--log-level", "error"]


SMG = Peer(
    name="smg",
    leaves_out="checks a key; no quota, keeps no record of usage",
    install=pip_install,
    command=command,
)
