"""Which models the demo's packs are on: the embedded ones, or those of the servers that the settings point at."""

import msgspec

from packhouse.settings import Settings
from packhouse.wiring.catalog import UPSTREAM_EMBEDDINGS_MODEL, UPSTREAM_MODEL
from packhouse.wiring.endpoints import endpoints_of

CLAUDE = "claude-sonnet-4-6"
COHERE = "cohere-embed-v4"


class DemoModels(msgspec.Struct, frozen=True):
    """Ids of the catalog."""

    text: str
    embeddings: str


EMBEDDED = DemoModels("local-text", "local-embeddings")


def demo_models(settings: Settings) -> DemoModels:
    """The first endpoint that serves a type has it; what none serves stays embedded."""
    text = embeddings = ""
    for endpoint in endpoints_of(settings):
        match endpoint.provider:
            case "bedrock":
                text, embeddings = text or CLAUDE, embeddings or COHERE
            case "anthropic":
                text = text or CLAUDE
            case "cohere":
                embeddings = embeddings or COHERE
            case "openai_compatible":
                text = text or UPSTREAM_MODEL
                if settings.upstream_embeddings_model:
                    embeddings = embeddings or UPSTREAM_EMBEDDINGS_MODEL
    return DemoModels(text or EMBEDDED.text, embeddings or EMBEDDED.embeddings)
