"""Every route of the gateway in one table: the reference lists it, a test proves that what spends is gated."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from packhouse.entrypoints.gateway.http import Handler
from packhouse.entrypoints.gateway.router import Route

Spends = Literal["nothing", "text", "embeddings", "both"]

KNOWLEDGE = "/v1/knowledge"
COLLECTION = KNOWLEDGE + "/collections/{collection}"
DOCUMENT = KNOWLEDGE + "/documents/{document}"


@dataclass(frozen=True, slots=True)
class RouteRow:
    """A route as it is promised. `spends`: on which packs' quota; `key`: whether it needs one."""

    method: str
    pattern: str
    name: str
    summary: str
    spends: Spends = "nothing"
    key: bool = True


ROUTES: tuple[RouteRow, ...] = (
    RouteRow("GET", "/healthz", "alive", "Whether the process lives.", key=False),
    RouteRow("GET", "/readyz", "ready", "Whether it answers requests.", key=False),
    RouteRow("POST", "/v1/chat/completions", "chat", "A chat completion in OpenAI's dialect.", "both"),
    RouteRow("POST", "/v1/messages", "messages", "A message in Anthropic's dialect.", "both"),
    RouteRow("POST", "/v1/messages/count_tokens", "count_tokens", "Counts the input tokens of a message, at no cost."),
    RouteRow("POST", "/v1/embeddings", "embeddings", "Embeddings in OpenAI's dialect.", "embeddings"),
    RouteRow("POST", "/v2/embed", "embed", "Embeddings in Cohere's dialect, of its second version.", "embeddings"),
    RouteRow("POST", "/v1/embed", "embed_v1", "Embeddings in Cohere's dialect, of its first version.", "embeddings"),
    RouteRow("GET", "/v1/models", "models", "The models that the key may name; Anthropic's shape for its clients."),
    RouteRow("GET", "/v1/models/{model}", "model", "One of them."),
    RouteRow("GET", KNOWLEDGE, "knowledge", "The knowledge bases that the key opens."),
    RouteRow("GET", KNOWLEDGE + "/collections", "collections", "The collections of a knowledge base."),
    RouteRow("POST", KNOWLEDGE + "/collections", "create_collection", "A new collection."),
    RouteRow("GET", COLLECTION, "collection", "One collection."),
    RouteRow("DELETE", COLLECTION, "delete_collection", "Deletes a collection with all that is in it."),
    RouteRow("POST", COLLECTION + "/chunks", "insert", "Inserts, replaces or repopulates chunks.", "embeddings"),
    RouteRow("GET", COLLECTION + "/chunks", "chunks", "Chunks by filter, in pages."),
    RouteRow("POST", COLLECTION + "/chunks/query", "query_chunks", "The same with the filter in the body."),
    RouteRow(
        "POST", COLLECTION + "/chunks/delete", "delete_chunks", "Deletes chunks by id, object, document or filter."
    ),
    RouteRow("POST", COLLECTION + "/documents", "upload", "Takes a file, which a job then ingests."),
    RouteRow("GET", COLLECTION + "/documents", "documents", "The documents of a collection."),
    RouteRow("GET", DOCUMENT, "document", "One document with the progress of its ingestion."),
    RouteRow("DELETE", DOCUMENT, "delete_document", "Deletes a document with its chunks."),
    RouteRow("POST", KNOWLEDGE + "/search", "search", "Nearest neighbours, keywords, or both.", "embeddings"),
)


def bound(handlers: Mapping[str, Handler]) -> list[Route]:
    """The table's rows with their handlers, by name; all of them and no others."""
    names = {row.name for row in ROUTES}
    assert names == handlers.keys(), names ^ handlers.keys()
    return [Route(row.method, row.pattern, handlers[row.name], row.name, row.summary) for row in ROUTES]
