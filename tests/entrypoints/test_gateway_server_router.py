"""Which route answers, and what those get that no route answers."""

import pytest

from packhouse.domain.errors import Refused
from packhouse.entrypoints.gateway.http import Handler, Reply, Request
from packhouse.entrypoints.gateway.router import Route, Router

pytestmark = pytest.mark.anyio

ROUTES = (
    ("GET", "/v1/models"),
    ("POST", "/v1/chat"),
    ("GET", "/v1/models/{model}"),
    ("GET", "/v1/models/default"),
    ("DELETE", "/v1/models/{model}"),
    ("GET", "/v1/{kind}/{id}/chunks"),
    ("GET", "/v1/collections/{collection}/chunks"),
)


def named(name: str) -> Handler:
    async def handler(request: Request) -> Reply:
        return Reply(200, f"{name} {request.params}".encode())

    return handler


ROUTER = Router([Route(m, p, named(f"{m} {p}"), f"{m} {p}", "A route.") for m, p in ROUTES])


async def answered(method: str, path: str) -> str:
    return (await ROUTER(Request(method, path, "", {}, b"", "r"))).body.decode()


@pytest.mark.parametrize(
    ("method", "path", "answer"),
    [
        ("GET", "/v1/models", "GET /v1/models {}"),
        ("HEAD", "/v1/models", "GET /v1/models {}"),
        ("GET", "/v1/models/m1", "GET /v1/models/{model} {'model': 'm1'}"),
        ("GET", "/v1/models/default", "GET /v1/models/default {}"),
        ("DELETE", "/v1/models/default", "DELETE /v1/models/{model} {'model': 'default'}"),
        ("GET", "/v1/collections/c/chunks", "GET /v1/collections/{collection}/chunks {'collection': 'c'}"),
        ("GET", "/v1/x/y/chunks", "GET /v1/{kind}/{id}/chunks {'kind': 'x', 'id': 'y'}"),
    ],
)
async def test_routes(method: str, path: str, answer: str) -> None:
    assert await answered(method, path) == answer


@pytest.mark.parametrize("path", ["", "/", "/v1", "/v1/models/", "/v1/models/a/b", "/v1//y/chunks", "/V1/models"])
async def test_no_such_route(path: str) -> None:
    with pytest.raises(Refused) as caught:
        await answered("GET", path)
    assert caught.value.code == "route_unknown"


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/v1/chat", "POST"),
        ("POST", "/v1/models", "GET, HEAD"),
        ("PUT", "/v1/models/default", "DELETE, GET, HEAD"),
    ],
)
async def test_not_with_this_method(method: str, path: str, allow: str) -> None:
    with pytest.raises(Refused) as caught:
        await answered(method, path)
    assert (caught.value.code, caught.value.facts["allow"]) == ("method_not_allowed", allow)
