"""What both transports share of httpx: requests from calls, responses, and its exceptions as ours."""

import os
import sys

import httpx

from packhouse_connector.core.call import Call
from packhouse_connector.core.connection import VARIABLE, Connection, connection, no_url
from packhouse_connector.core.response import Response
from packhouse_connector.core.version import HEADER, NAME_AND_VERSION, VERSION
from packhouse_connector.errors import AnswerCut, ConnectionFailed, NotReached, Problem, TimedOut

CONNECT_TIMEOUT_SECONDS = 10.0

_USER_AGENT = f"packhouse-connector/{VERSION} python/{sys.version_info.major}.{sys.version_info.minor}"


def configured(connection_string: str | None) -> Connection:
    """The connection string, or else the environment's, read. Raises `InvalidConnectionString`."""
    read = connection(connection_string or os.environ.get(VARIABLE))
    try:
        httpx.URL(read.url)
    except httpx.InvalidURL:
        raise no_url() from None  # httpx would repeat what was given
    return read


def timeout(seconds: float) -> httpx.Timeout:
    """How long the server may be silent; connecting is cut shorter."""
    return httpx.Timeout(seconds, connect=min(seconds, CONNECT_TIMEOUT_SECONDS))


def request(to: Connection, call: Call, *, client: httpx.Client | httpx.AsyncClient) -> httpx.Request:
    """The call with its address, key and version, on top of what the client adds of its own."""
    headers = {
        "authorization": f"Bearer {to.key}",
        HEADER: NAME_AND_VERSION,
        "user-agent": _USER_AGENT,
        **dict(call.headers),
    }
    url = to.url + call.path
    return client.build_request(call.method, url, params=call.query, headers=headers, content=call.body)


def response(reply: httpx.Response) -> Response:
    """A reply whose body was read."""
    return Response(reply.status_code, dict(reply.headers), reply.content)


def opening(reply: httpx.Response) -> Response:
    """The head of a reply whose body is still to come."""
    return Response(reply.status_code, dict(reply.headers), b"")


def failure(error: httpx.RequestError, url: str) -> ConnectionFailed:
    """What an exception of httpx means for the call. It stays the cause."""
    failed = _failure(error, url)
    failed.__cause__ = error
    return failed


def _failure(error: httpx.RequestError, url: str) -> ConnectionFailed:
    match error:
        case httpx.ConnectError() | httpx.ConnectTimeout() | httpx.PoolTimeout() | httpx.UnsupportedProtocol():
            message = f"No connection to {url}: {error or type(error).__name__}. Check the URL and the network."
            return NotReached(Problem(code="not_reached", message=message))
        case httpx.TimeoutException():
            message = f"{url} was silent for longer than the timeout. The request may have been carried out."
            return TimedOut(Problem(code="timed_out", message=message))
        case httpx.ReadError() | httpx.RemoteProtocolError() | httpx.DecodingError():
            message = f"{url} broke off before its answer was complete. The request may have been carried out."
            return AnswerCut(Problem(code="answer_cut", message=message))
        case _:
            message = f"No answer from {url}: {type(error).__name__}. The request may have been carried out."
            return ConnectionFailed(Problem(code="no_answer", message=message))
