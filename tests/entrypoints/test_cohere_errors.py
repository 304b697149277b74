"""Every refusal in Cohere's shape: its unmodified client raises the exception that says what happened."""

from collections.abc import AsyncGenerator

import cohere
import pytest
from cohere.core import ApiError

from packhouse.adapters.outside.clock import SystemClock
from packhouse.domain.errors import Refused
from packhouse.entrypoints.gateway.cohere.errors import error_body, refusal, status
from packhouse.entrypoints.gateway.http import Reply, Request
from packhouse.entrypoints.gateway.refusals import STATUS
from packhouse.entrypoints.gateway.server import GatewayServer

pytestmark = pytest.mark.anyio

KNOWN = {400, 401, 403, 404, 422, 429, 500, 503, 504}
"""Statuses that the client has exceptions for and that fit something here."""

NOT_ITS_ROUTES = {"method_not_allowed", "connector_outdated", "document_type", "disk_full"}
"""Refusals of other clients than Cohere's, or of routes that it does not know."""


class Refuses:
    """A handler whose only answer is the refusal that it was given."""

    def __init__(self) -> None:
        self.refused = Refused("internal", "None yet.")

    async def __call__(self, request: Request) -> Reply:
        return refusal(self.refused, request.id)


@pytest.fixture
async def refuses() -> AsyncGenerator[tuple[Refuses, str]]:
    handler = Refuses()
    server = GatewayServer(handler, clock=SystemClock())
    await server.start("127.0.0.1", 0)
    yield handler, f"http://127.0.0.1:{server.port}"
    await server.drain(1)


def refused(code: str, **facts: object) -> Refused:
    return Refused(code, f"This is {code}.", **facts)


@pytest.mark.parametrize(
    ("no", "error"),
    [
        (refused("invalid_request", field="texts"), cohere.BadRequestError),
        (refused("malformed_json"), cohere.BadRequestError),
        (refused("context_exceeded"), cohere.BadRequestError),
        (refused("provider_refused", status=400), cohere.BadRequestError),
        (refused("body_too_large"), cohere.BadRequestError),
        (refused("key_unknown"), cohere.UnauthorizedError),
        (refused("key_missing"), cohere.UnauthorizedError),
        (refused("key_wrong_type"), cohere.ForbiddenError),
        (refused("resource_suspended"), cohere.ForbiddenError),
        (refused("model_unknown"), cohere.NotFoundError),
        (refused("model_ended"), cohere.NotFoundError),
        (refused("unsupported"), cohere.UnprocessableEntityError),
        (refused("provider_refused", status=422), cohere.UnprocessableEntityError),
        (refused("quota_exhausted", limit=5), cohere.TooManyRequestsError),
        (refused("provider_throttled"), cohere.TooManyRequestsError),
        (refused("internal"), cohere.InternalServerError),
        (refused("provider_failed"), cohere.InternalServerError),
        (refused("provider_malformed"), cohere.InternalServerError),
        (refused("provider_cut"), cohere.InternalServerError),
        (refused("provider_refused", status=401), cohere.InternalServerError),
        (refused("unavailable"), cohere.ServiceUnavailableError),
        (refused("provider_unreachable"), cohere.ServiceUnavailableError),
        (refused("provider_timeout"), cohere.GatewayTimeoutError),
    ],
    ids=lambda it: it.code if isinstance(it, Refused) else it.__name__,
)
async def test_the_client_raises_its_right_exception(
    refuses: tuple[Refuses, str], no: Refused, error: type[ApiError]
) -> None:
    handler, url = refuses
    handler.refused = no
    client = cohere.AsyncClientV2("any", base_url=url, max_retries=0)
    with pytest.raises(error) as raised:
        await client.embed(model="default", texts=["a"], input_type="search_query")
    assert type(raised.value) is error
    assert raised.value.headers
    assert raised.value.body == {
        "id": raised.value.headers["x-request-id"],
        "message": no.message,
        "code": no.code,
        **no.facts,
    }


async def test_a_throttled_call_says_when_to_come_back(refuses: tuple[Refuses, str]) -> None:
    handler, url = refuses
    handler.refused = refused("provider_throttled", retry_after_seconds=7)
    client = cohere.AsyncClient("any", base_url=url, max_retries=0)
    with pytest.raises(cohere.TooManyRequestsError) as raised:
        await client.embed(model="default", texts=["a"])
    assert raised.value.headers
    assert raised.value.headers["retry-after"] == "7"


def test_every_refusal_has_a_status_that_the_client_knows() -> None:
    codes = STATUS.keys() - NOT_ITS_ROUTES
    assert {code: it for code in codes if (it := status(refused(code))) not in KNOWN} == {}


def test_a_field_is_called_as_this_dialect_calls_it() -> None:
    said = error_body(refused("invalid_request", field="dimensions"), "req_1")
    assert b'"field":"output_dimension"' in said
