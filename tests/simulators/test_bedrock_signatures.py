"""Signatures: whatever botocore signs is let in, and nothing that was changed on its way."""

import time
from collections.abc import Mapping

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as AwsCredentials
from hypothesis import given
from hypothesis import strategies as st

from packhouse.simulators import Credentials
from packhouse.simulators.bedrock.sigv4 import verify
from packhouse.simulators.dialect import Rejected
from packhouse.simulators.http import Request

OURS = Credentials(access_key="AKIAEXAMPLE000000000", secret_key="a+secret/with=signs")
MODELS = st.text("abcdefghijklmnopqrstuvwxyz0123456789.-:", min_size=1, max_size=40)
HEADERS = st.dictionaries(
    st.sampled_from(["x-one", "x-two", "content-type"]), st.text("abc  ,;=/", max_size=12).map(str.strip), max_size=3
)


def signed(path: str, body: bytes, headers: Mapping[str, str], token: str | None = None) -> Request:
    """A request as botocore signs it."""
    request = AWSRequest("POST", f"http://127.0.0.1:8080{path}", headers=dict(headers), data=body)
    aws = AwsCredentials(OURS.access_key, OURS.secret_key, token)
    SigV4Auth(aws, "bedrock", "eu-west-3").add_auth(request)
    sent = {name.lower(): value for name, value in request.headers.items()}
    return Request("POST", path, "", {"host": "127.0.0.1:8080", **sent}, body)


@given(MODELS, st.booleans(), st.binary(max_size=50), HEADERS)
def test_what_botocore_signs_is_let_in(model: str, escaped: bool, body: bytes, headers: dict[str, str]) -> None:
    path = f"/model/{model.replace(':', '%3A') if escaped else model}/converse"
    assert verify(signed(path, body, headers), OURS) == "eu-west-3"


def changed(request: Request, **headers: str) -> Request:
    return Request(request.method, request.path, request.query, {**request.headers, **headers}, request.body)


def test_what_was_changed_is_refused() -> None:
    request = signed("/model/m/converse", b"{}", {"x-one": "1"})
    others = [
        Request("PUT", request.path, "", request.headers, request.body),
        Request("POST", "/model/n/converse", "", request.headers, request.body),
        Request("POST", request.path, "a=b", request.headers, request.body),
        Request("POST", request.path, "", request.headers, b"[]"),
        changed(request, **{"x-one": "2"}),
        changed(request, host="elsewhere"),
        changed(request, **{"x-amz-content-sha256": "0" * 64}),
        changed(request, authorization=request.headers["authorization"].replace("eu-west-3", "eu-west-1")),
    ]
    for other in others:
        with pytest.raises(Rejected) as caught:
            verify(other, OURS)
        assert (caught.value.status, caught.value.code) == (403, "InvalidSignatureException")


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"authorization": "AWS4-HMAC-SHA256 nonsense"}, "IncompleteSignatureException"),
        ({"authorization": "AWS4-HMAC-SHA256 Credential=a/b/c, SignedHeaders=h"}, "IncompleteSignatureException"),
        ({"x-amz-date": "yesterday"}, "IncompleteSignatureException"),
        ({"x-amz-date": "20200101T000000Z"}, "InvalidSignatureException"),
    ],
)
def test_what_is_no_signature(headers: dict[str, str], code: str) -> None:
    request = changed(signed("/model/m/converse", b"{}", {}), **headers)
    with pytest.raises(Rejected) as caught:
        verify(request, OURS)
    assert caught.value.code == code


def test_a_signature_is_too_old_after_five_minutes() -> None:
    request = signed("/model/m/converse", b"{}", {})
    verify(request, OURS, now=lambda: time.time() + 290)
    with pytest.raises(Rejected, match="Signature expired"):
        verify(request, OURS, now=lambda: time.time() + 310)
    with pytest.raises(Rejected, match="not yet current"):
        verify(request, OURS, now=lambda: time.time() - 310)


def test_a_session_token_is_signed_with_the_rest() -> None:
    with_token = Credentials(access_key=OURS.access_key, secret_key=OURS.secret_key, session_token="t/o=k")
    request = signed("/model/m/converse", b"{}", {}, token="t/o=k")
    assert verify(request, with_token) == "eu-west-3"
    with pytest.raises(Rejected, match="security token"):
        verify(changed(request, **{"x-amz-security-token": "other"}), with_token)
