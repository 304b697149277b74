"""However the bytes are cut, the same requests come out."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from packhouse.entrypoints.gateway.http import Request
from packhouse.entrypoints.gateway.intake import Intake, RequestIds, Turn
from packhouse.entrypoints.gateway.limits import Limits

PATHS = st.sampled_from(["/", "/v1/x", "/a%20b", "http://h/p", "/?q=1&r=%20"])
HEADERS = st.lists(st.sampled_from([b"X-A: 1", b"x-a: 2", b"Accept:", b"X-Request-Id: r-1", b"b: \xe4"]))
BODIES = st.binary(max_size=40)


@st.composite
def request_bytes(draw: st.DrawFn) -> bytes:
    body = draw(BODIES)
    lines = [b"POST %b HTTP/1.1" % draw(PATHS).encode(), b"Host: a", *draw(HEADERS)]
    if draw(st.booleans()):
        lines.append(b"Content-Length: %d" % len(body))
    else:
        lines.append(b"Transfer-Encoding: chunked")
        chunks = [body[start : start + 7] for start in range(0, len(body), 7)]
        body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    if draw(st.booleans()):
        lines += [b"Connection: Upgrade", b"Upgrade: h2c"]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def read(pieces: list[bytes]) -> list[tuple[object, ...]]:
    turns: list[Turn] = []
    intake = Intake(Limits(), RequestIds(), on_turn=turns.append, on_large=lambda _turn: None)
    for piece in pieces:
        intake.feed(piece)
    assert not intake.partial
    return [_seen(turn.request) for turn in turns]


def _seen(request: Request) -> tuple[object, ...]:
    return request.method, request.path, request.query, request.headers, request.body, request.id[:4]


@given(st.lists(request_bytes(), min_size=1, max_size=4), st.data())
def test_cutting_changes_nothing(requests: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(requests)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(whole) - 1), max_size=8)))
    pieces = [whole[start:end] for start, end in pairwise([0, *cuts, len(whole)])]
    assert [one for request in requests for one in read([request])] == read(pieces)


def test_ids_are_unique_among_processes() -> None:
    ids = [RequestIds() for _ in range(3)]
    assert len({one.new() for one in ids for _ in range(100)}) == 300
