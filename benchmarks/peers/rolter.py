"""rolter, in Rust; its wheel brings the program."""

from peers.peer import KEY, Peer, Place, pip_install

CONFIGURATION = """
[server]
host = "127.0.0.1"
port = {port}

[[providers.readonly]]
name = "fixed"
kind = "openai_compatible"
api_base = "{provider}"

[[routes]]
model = "default"
strategy = "round_robin"

[[routes.targets]]
provider = "fixed"
model = "fixed"

[[virtual_keys]]
key = "{key}"
name = "bench"
models = []
"""


def command(place: Place) -> list[str]:
    file = place.work / "rolter.toml"
    file.write_text(CONFIGURATION.format(port=place.port, provider=place.provider, key=KEY))
    return [str(place.home / "bin/rolter"), "gateway", "--config", str(file)]


ROLTER = Peer(
    name="rolter",
    leaves_out="checks a key; run without its control plane: no quota, keeps no record of usage",
    install=pip_install,
    command=command,
    environment={"RUST_LOG": "error"},
)
