"""Which dialect a request speaks, so that it is refused in the same one."""

from packhouse.domain.chat_part import Dialect
from packhouse.entrypoints.gateway.http import Handler, Reply, Request

VERSION_HEADER = "anthropic-version"
"""What tells Anthropic's clients from OpenAI's where both ask the same path, or one that is not there."""

_COHERE = frozenset({"/v1/embed", "/v1/rerank", "/v1/chat", "/v1/generate", "/v1/classify", "/v1/tokenize"})
_COHERES_VERSION = "/v2/"
"""No other dialect has got so far."""
_OPENAI = frozenset({"/v1/chat/completions", "/v1/embeddings"})
_MESSAGES = "/v1/messages"


def dialect_of(request: Request) -> Dialect:
    """By its path; what no dialect has for its own is Anthropic's where the header says so, else OpenAI's."""
    path = request.path
    if path.startswith(_MESSAGES):
        return "anthropic"
    if path in _COHERE or path.startswith(_COHERES_VERSION):
        return "cohere"
    if path in _OPENAI:
        return "openai"
    return "anthropic" if VERSION_HEADER in request.headers else "openai"


def by_dialect(*, openai: Handler, anthropic: Handler) -> Handler:
    """One route that two dialects share: each request goes to the handler of its own."""

    async def handler(request: Request) -> Reply:
        return await (anthropic if dialect_of(request) == "anthropic" else openai)(request)

    return handler
