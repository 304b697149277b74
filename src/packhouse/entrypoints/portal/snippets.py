"""How to use a resource: commands and programs that work when a key is put in."""

from packhouse.domain.units import ResourceType
from packhouse.entrypoints.portal.site import Site
from packhouse.services.resource_view import ResourceView

Snippet = tuple[str, str]
"""What it is, and its text."""

PLACE = "phk_…"
"""Where the key goes."""


def snippets(site: Site, view: ResourceView) -> list[Snippet]:
    """The address first, then a command, then programs."""
    gateway = site.gateway_url.rstrip("/")
    written = {"text_generation": _text, "embeddings": _embeddings, "knowledge_base": _knowledge}
    type_: ResourceType = view.resource.type
    return written[type_](gateway)


def _text(gateway: str) -> list[Snippet]:
    ask = '{"model": "default", "messages": [{"role": "user", "content": "Hello"}]}'
    return [
        ("Base URL", f"{gateway}/v1"),
        ("curl", _curl(f"{gateway}/v1/chat/completions", ask)),
        ("Python, openai", _openai(gateway) + _CHAT),
        ("Python, packhouse-connector", _connector(gateway) + 'print(ph.chat("Hello"))'),
    ]


def _embeddings(gateway: str) -> list[Snippet]:
    ask = '{"model": "default", "input": ["a text", "another"]}'
    return [
        ("Base URL", f"{gateway}/v1"),
        ("curl", _curl(f"{gateway}/v1/embeddings", ask)),
        ("Python, openai", _openai(gateway) + _EMBED),
        ("Python, packhouse-connector", _connector(gateway) + 'vector = ph.embed("a text")'),
    ]


def _knowledge(gateway: str) -> list[Snippet]:
    ask = '{"text": "What do customers ask?", "collections": ["default"], "max_results": 3}'
    return [
        ("Base URL", f"{gateway}/v1/knowledge"),
        ("Search with curl", _curl(f"{gateway}/v1/knowledge/search", ask)),
        ("Put a document in", _upload(gateway)),
        ("Python, packhouse-connector (the key opens a text pack too)", _connector(gateway) + _GROUNDED),
    ]


def _curl(url: str, body: str) -> str:
    return (
        f'curl {url} \\\n  -H "Authorization: Bearer {PLACE}" \\\n'
        f"  -H \"Content-Type: application/json\" \\\n  -d '{body}'"
    )


def _upload(gateway: str) -> str:
    url = f"{gateway}/v1/knowledge/collections/default/documents"
    return (
        f'curl {url} \\\n  -H "Authorization: Bearer {PLACE}" \\\n'
        '  -H "X-Packhouse-File-Name: handbook.pdf" \\\n  --data-binary @handbook.pdf'
    )


def _openai(gateway: str) -> str:
    return f'from openai import OpenAI\n\nclient = OpenAI(base_url="{gateway}/v1", api_key="{PLACE}")\n'


def _connector(gateway: str) -> str:
    return f'from packhouse_connector import Packhouse\n\nph = Packhouse("{PLACE}@{gateway}")\n'


_CHAT = """\
answer = client.chat.completions.create(
    model="default",
    messages=[{"role": "user", "content": "Hello"}],
)
print(answer.choices[0].message.content)"""

_EMBED = """\
answer = client.embeddings.create(model="default", input=["a text", "another"])
print(len(answer.data[0].embedding))"""

_GROUNDED = """\
answer = ph.chat("What do customers ask?", knowledge="default")
print(answer, answer.references)"""
