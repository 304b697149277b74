"""The gateway part: every route over the data plane, behind the gateway's own server."""

import gc
from collections.abc import Mapping

from packhouse.entrypoints.gateway.anthropic.messages import MessagesRoute
from packhouse.entrypoints.gateway.anthropic.models import AnthropicModelsRoute
from packhouse.entrypoints.gateway.app import GatewayApp, health
from packhouse.entrypoints.gateway.authorise import ConnectorGate
from packhouse.entrypoints.gateway.cohere.embed import EmbedRoute
from packhouse.entrypoints.gateway.dialects import by_dialect
from packhouse.entrypoints.gateway.http import Handler
from packhouse.entrypoints.gateway.knowledge.routes import KnowledgeRoutes
from packhouse.entrypoints.gateway.limits import Limits
from packhouse.entrypoints.gateway.openai.chat import ChatRoute
from packhouse.entrypoints.gateway.openai.embeddings import EmbeddingsRoute
from packhouse.entrypoints.gateway.openai.models import ModelsRoute
from packhouse.entrypoints.gateway.server import GatewayServer
from packhouse.entrypoints.gateway.stamps import Stamps
from packhouse.services.chat import Chat
from packhouse.services.document import Documents
from packhouse.services.grounded import GroundedChat
from packhouse.services.search import Search
from packhouse.wiring.data_plane import DataPlane, open_data_plane
from packhouse.wiring.part import Part

MEGABYTE = 1024 * 1024
OBJECTS_BETWEEN_COLLECTIONS = 20_000


async def run(part: Part) -> None:
    """Until `part.stop`, then running requests have the settings' drain time to end."""
    plane = await open_data_plane(part.settings, kind="gateway")
    try:
        handlers = {**routes(plane), **health(lambda: not part.stop.is_set())}
        app = GatewayApp(handlers, connectors=ConnectorGate(part.settings.connector_oldest))
        limits = Limits(body_bytes_max=part.settings.body_megabytes_max * MEGABYTE)
        stamped = Stamps(app, meter=plane.meter, models=plane.models)
        server = GatewayServer(stamped, clock=plane.clock, limits=limits, refuse=app.refuse)
        await server.start_on(part.socket)
        _spare_the_collector()
        part.ready()
        await part.stop.wait()
        await server.drain(part.settings.drain_seconds)
    finally:
        await plane.close()


def _spare_the_collector() -> None:
    """What start-up made lives as long as the process, and calls leave no circles: looking through all of it at every
    700th new object would cost a tenth of each call."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)


def routes(plane: DataPlane) -> Mapping[str, Handler]:
    """The handlers of all routes but the health pages, by the names of `gateway/routes`."""
    chat = Chat(plane.gate, plane.models, pumps=plane.pumps)
    search = Search(plane.bases, plane.embeddings, meter=plane.meter)
    grounded = GroundedChat(chat, plane.bases, search=search)
    openai_models = ModelsRoute(meter=plane.meter, models=plane.models)
    anthropic_models = AnthropicModelsRoute(meter=plane.meter, models=plane.models)
    messages = MessagesRoute(meter=plane.meter, chat=chat, grounded=grounded, ids=plane.ids)
    embed = EmbedRoute(meter=plane.meter, embeddings=plane.embeddings, ids=plane.ids)
    documents = Documents(plane.bases, plane.jobs, clock=plane.clock, ids=plane.ids)
    knowledge = KnowledgeRoutes(
        meter=plane.meter, bases=plane.bases, chunks=plane.chunks, search=search, documents=documents
    )
    return {
        "chat": ChatRoute(meter=plane.meter, chat=chat, grounded=grounded, clock=plane.clock, ids=plane.ids),
        "embeddings": EmbeddingsRoute(meter=plane.meter, embeddings=plane.embeddings),
        "embed": embed.v2,
        "embed_v1": embed.v1,
        "messages": messages.create,
        "count_tokens": messages.count_tokens,
        "models": by_dialect(openai=openai_models.list, anthropic=anthropic_models.list),
        "model": by_dialect(openai=openai_models.read, anthropic=anthropic_models.read),
        **knowledge.handlers(),
    }
