"""The ceiling: the gateway's server and the upstream client with nothing in between but a look at the key."""

import asyncio
import sys

import uvloop

from packhouse.adapters.models.http import UpstreamClient
from packhouse.adapters.outside.clock import SystemClock
from packhouse.entrypoints.gateway.http import Reply, Request
from packhouse.entrypoints.gateway.server import GatewayServer

KEY = "bare"


async def main(upstream: str) -> None:
    """Prints the port when it listens; runs until it is killed."""
    endpoint = UpstreamClient().endpoint(
        "POST", f"{upstream}/chat/completions", headers={"content-type": "application/json"}
    )

    async def handler(request: Request) -> Reply:
        if request.path != "/v1/chat/completions" or request.headers.get("authorization") != f"Bearer {KEY}":
            return Reply(404)
        answer = await endpoint.call(request.body, _sent)
        return Reply(answer.status, answer.body)

    server = GatewayServer(handler, clock=SystemClock())
    await server.start("127.0.0.1", 0)
    print(server.port, flush=True)
    await asyncio.Event().wait()


def _sent() -> None:
    """Nothing is booked here."""


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1]))
