"""Signatures beside botocore's own."""

from datetime import UTC, datetime
from hashlib import sha256
from unittest.mock import patch

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from packhouse.adapters.models.bedrock.signature import Signer, StaticKeys, signed_target

_words = st.text("abcdefghijklmnopqrstuvwxyzABCXYZ0123456789-._~", min_size=1, max_size=12)
_segments = st.one_of(_words, st.sampled_from([".", "..", "", "a%3Ab", "a%2Fb", "%E2%82%AC", "x%20y", "a:b", "a+b"]))
_paths = st.lists(_segments, max_size=5).map(lambda each: "/" + "/".join(each))
_queries = st.lists(st.tuples(_words, _words), max_size=4).map(lambda each: "&".join(f"{k}={v}" for k, v in each))
_values = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)
_names = st.from_regex(r"x-[a-z]{1,8}(-[a-z]{1,8})?", fullmatch=True).filter(
    lambda name: name not in ("x-amz-date", "x-amz-security-token", "x-amzn-trace-id")
)
_secrets = st.text("abcXYZ019/+=", min_size=1, max_size=40)
_instants = st.datetimes(datetime(2015, 1, 1), datetime(2099, 1, 1)).map(lambda each: each.replace(microsecond=0))


def botocore_headers(request: AWSRequest, keys: StaticKeys, region: str, at: datetime) -> dict[str, str]:
    signer = SigV4Auth(Credentials(keys.access_key, keys.secret_key, keys.session_token or None), "bedrock", region)
    with patch("botocore.auth.get_current_datetime", return_value=at):
        signer.add_auth(request)
    return {name.lower(): value for name, value in request.headers.items()}


@given(
    st.sampled_from(["POST", "GET", "PUT"]),
    st.tuples(_paths, _queries),
    st.dictionaries(_names, _values, max_size=4),
    st.binary(max_size=60),
    st.tuples(_secrets, _secrets, st.one_of(st.just(""), _secrets)),
    _instants,
)
def test_the_same_as_botocores(
    method: str,
    target: tuple[str, str],
    headers: dict[str, str],
    body: bytes,
    secrets: tuple[str, str, str],
    at: datetime,
) -> None:
    path, query = target
    url = f"https://bedrock-runtime.eu-central-1.amazonaws.com{path}" + (f"?{query}" if query else "")
    headers = {"content-type": "application/json", **headers}
    keys, region = StaticKeys(*secrets), "eu-central-1"
    wanted = botocore_headers(AWSRequest(method, url, dict(headers), body), keys, region, at)
    given_ = Signer(region, "bedrock").headers(
        signed_target(method, url, headers=headers),
        keys,
        body_hash=sha256(body).hexdigest(),
        at_seconds=int(at.replace(tzinfo=UTC).timestamp()),
    )
    assert {name.decode(): value.decode() for name, value in given_} == {
        name: value for name, value in wanted.items() if name not in headers
    }


def test_the_days_key_changes_with_day_and_secret() -> None:
    signer = Signer("eu-central-1", "bedrock")
    target = signed_target("POST", "http://127.0.0.1:8/model/a%3A0/converse", headers={"content-type": "a"})
    seen = set[bytes]()
    for keys in (StaticKeys("a", "b"), StaticKeys("a", "c"), StaticKeys("a", "c", "t")):
        for at_seconds in (86_399, 86_400):
            fresh = Signer("eu-central-1", "bedrock")
            headers = signer.headers(target, keys, body_hash="0" * 64, at_seconds=at_seconds)
            assert headers == fresh.headers(target, keys, body_hash="0" * 64, at_seconds=at_seconds)
            seen.add(headers[0][1])
    assert len(seen) == 6


def test_a_models_colon_is_encoded_once_on_the_wire_and_twice_in_what_is_signed() -> None:
    target = signed_target("POST", "https://h/model/a.b-v1%3A0/converse", headers={})
    assert target.before_date.split(b"\n")[1] == b"/model/a.b-v1%253A0/converse"
