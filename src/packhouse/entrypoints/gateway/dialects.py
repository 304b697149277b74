"""Which dialect a request speaks, so that it is refused in the same one."""

from packhouse.domain.chat_part import Dialect
from packhouse.entrypoints.gateway.http import Handler, Reply, Request

VERSION_HEADER = "anthropic-version"
"""What tells Anthropic's clients from OpenAI's where both ask the same path."""

_COHERE = frozenset({"/v2/embed", "/v1/embed"})
_MODELS = "/v1/models"
_MESSAGES = "/v1/messages"


def dialect_of(request: Request) -> Dialect:
    """OpenAI's where nothing else is said."""
    path = request.path
    if path.startswith(_MESSAGES):
        return "anthropic"
    if path in _COHERE:
        return "cohere"
    if path.startswith(_MODELS) and VERSION_HEADER in request.headers:
        return "anthropic"
    return "openai"


def by_dialect(*, openai: Handler, anthropic: Handler) -> Handler:
    """One route that two dialects share: each request goes to the handler of its own."""

    async def handler(request: Request) -> Reply:
        return await (anthropic if dialect_of(request) == "anthropic" else openai)(request)

    return handler
