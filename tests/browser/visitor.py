"""Someone with a browser but no eyes: follows the portal's forms over HTTP, as its pages make them."""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx

from tests.support.control_api import PASSWORD

_CSRF = re.compile(r'name="csrf" value="([^"]*)"')


@dataclass(slots=True)
class Visitor:
    """Keeps cookies. `csrf` is the token of the page that was looked at last."""

    url: str
    csrf: str = ""
    client: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        # no TLS here, and to make ready for it takes longer than all requests of a test
        self.client = httpx.Client(base_url=self.url, transport=httpx.HTTPTransport(verify=False))

    def look(self, path: str, **headers: str) -> httpx.Response:
        response = self.client.get(path, headers=headers)
        self._remember(response)
        return response

    def page(self, path: str) -> str:
        """The text of a page that must be there."""
        response = self.look(path)
        assert response.status_code == 200, f"{path}: {response.status_code}"
        return response.text

    def send(self, path: str, form: Mapping[str, object] | None = None, **headers: str) -> httpx.Response:
        """A form, with the token of the last page unless the form has one."""
        data = {"csrf": self.csrf, **(form or {})}
        response = self.client.post(path, data=data, headers={"origin": self.url, **headers})
        self._remember(response)
        return response

    def sent(self, path: str, form: Mapping[str, object] | None = None) -> str:
        """Where a form that must go well leads."""
        response = self.send(path, form)
        assert response.status_code == 303, f"{path}: {response.status_code} {wrong(response.text)}"
        return response.headers["location"]

    def sign_in(self, email: str, password: str = PASSWORD) -> "Visitor":
        self.look("/sign-in")
        self.sent("/sign-in", {"email": email, "password": password, "next": "/"})
        self.look("/account")
        return self

    def _remember(self, response: httpx.Response) -> None:
        found = _CSRF.search(response.text)
        if found:
            self.csrf = found[1]


def wrong(page: str) -> str:
    """What the page says against the form that was sent; empty where nothing."""
    found = re.search(r'role="alert">.*?<p>(.*?)</p>', page, re.DOTALL)
    return html.unescape(found[1]) if found else ""


def shown(page: str, label: str) -> str:
    """A secret that the page shows under this label."""
    found = re.search(rf'aria-label="{label}"><code>(.*?)</code>', page, re.DOTALL)
    assert found, f"no {label} on the page"
    return html.unescape(found[1])
