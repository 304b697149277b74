"""A webhook's URL leads to the public internet by https, unless the installation allows others."""

import pytest

from packhouse.domain.errors import Refused
from packhouse.services.webhook_url import checked_url


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.com/packhouse",
        "https://hooks.example.com:8443/a?b=c",
        "https://8.8.8.8/",
        "https://[2606:4700::1]/hook",
    ],
)
def test_public_addresses(url: str) -> None:
    assert checked_url(f" {url} ", private=False) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/",
        "http://127.0.0.1:9000/hook",
        "https://127.0.0.1/",
        "https://localhost/",
        "https://LOCALHOST./",
        "https://10.1.2.3/",
        "https://192.168.0.1/",
        "https://169.254.169.254/latest/meta-data",
        "https://100.64.0.1/",
        "https://0.0.0.0/",
        "https://[::1]/",
        "https://[fd00::1]/",
        "https://[fe80::1]/",
        "https://[fec0::1]/",
        "https://[3fff::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::a00:1]/",
        "https://[2002:a00:1::]/",
        "https://db.internal/",
    ],
)
def test_other_addresses_are_for_installations_that_allow_them(url: str) -> None:
    with pytest.raises(Refused) as refused:
        checked_url(url, private=False)
    assert (refused.value.code, refused.value.facts["field"]) == ("invalid_request", "url")
    assert checked_url(url, private=True) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example.com",
        "ftp://hooks.example.com/",
        "https://",
        "https:///path",
        "https://.../",
        "https://%00/",
        "https://hooks.example.com:0/",
        "https://hooks.example.com:99999/",
        "https://user:secret@hooks.example.com/",
        "https://hooks.example.com/#part",
        "https://hooks.example.com/a b",
        "https://hooks.example.com/\r\nx: y",
        "https://hööks.example.com/",
        "https://[::1/",
        "https://hooks.example.com/" + "a" * 2_048,
    ],
)
def test_what_is_no_address_at_all(url: str) -> None:
    for private in (False, True):
        with pytest.raises(Refused):
            checked_url(url, private=private)
