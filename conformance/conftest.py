"""Standard tests load pictures and documents from the web; here they get small ones of our own."""

import base64
from collections.abc import Callable
from types import SimpleNamespace

import httpx
import pytest

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 72 72]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF"
)


def local(_get: Callable[..., httpx.Response]) -> Callable[..., object]:
    def get(url: str, **_options: object) -> object:
        return SimpleNamespace(content=PDF if url.endswith(".pdf") else PNG, raise_for_status=lambda: None)

    return get


@pytest.fixture(autouse=True)
def _no_web(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(httpx, "get", local(httpx.get))
