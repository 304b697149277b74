"""Portkey's gateway on Node. The server beneath it is held at the version with which its streams work."""

from peers.peer import Peer, Place, npm_install


def command(place: Place) -> list[str]:
    server = place.home / "node_modules/@portkey-ai/gateway/build/start-server.js"
    return ["node", str(server), f"--port={place.port}", "--headless"]


PORTKEY = Peer(
    name="portkey",
    leaves_out="checks no key and no quota, counts nothing, keeps nothing",
    install=npm_install,
    command=command,
    environment={"NODE_ENV": "production"},
    headers=lambda place: {"x-portkey-provider": "openai", "x-portkey-custom-host": f"{place.provider}/v1"},
)
