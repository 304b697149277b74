"""The adapters of models: the local ones, and those of every endpoint that the settings name, balanced by place."""

from collections import defaultdict
from pathlib import Path
from random import SystemRandom
from typing import TypeVar

from packhouse.adapters.models.anthropic.adapter import Anthropic
from packhouse.adapters.models.balanced.adapter import BalancedCounter, BalancedEmbeddings, BalancedRelay, BalancedText
from packhouse.adapters.models.balanced.targets import Retries, Target, Targets
from packhouse.adapters.models.bedrock.adapter import Bedrock
from packhouse.adapters.models.bedrock.credentials import BearerKey, Credentials, DefaultChain, Profile
from packhouse.adapters.models.bedrock.signature import StaticKeys
from packhouse.adapters.models.cohere.adapter import Cohere
from packhouse.adapters.models.http.client import UpstreamClient
from packhouse.adapters.models.http.limits import Timeouts
from packhouse.adapters.models.local.embeddings import LocalEmbeddingsModel
from packhouse.adapters.models.local.llama import Llama
from packhouse.adapters.models.local.text import LocalTextModel
from packhouse.adapters.models.local.weights import Weights, installed_weights, own_weights
from packhouse.adapters.models.openai_compatible.adapter import OpenAICompatible, Ways
from packhouse.domain.chat_part import Dialect
from packhouse.ports.models import EmbeddingsModel, Relay, TextModel, TokenCounter
from packhouse.ports.outside import Clock
from packhouse.services.models import Adapters, Place
from packhouse.settings import Settings
from packhouse.wiring.endpoints import Endpoint, endpoints_of
from packhouse.wiring.layout import Layout

Adapter = TypeVar("Adapter")


class Providers:
    """The adapters of models; the local ones load at their first call."""

    def __init__(self, settings: Settings, layout: Layout, *, clock: Clock) -> None:
        self._clock = clock
        self._client = UpstreamClient()
        self._timeouts = Timeouts(
            connect_seconds=settings.provider_connect_seconds,
            first_byte_seconds=settings.provider_first_seconds,
            between_bytes_seconds=settings.provider_between_seconds,
            total_seconds=settings.provider_total_seconds,
        )
        self._local_text = LocalTextModel(Llama(lambda: weights_of(settings), stamps=layout.models))
        self._local_embeddings = LocalEmbeddingsModel()
        places = _Places(settings)
        for endpoint in endpoints_of(settings):
            for region in filter(endpoint.serves, settings.regions):
                self._add(places, endpoint, region=region)
        for region in settings.regions:
            places.text["local", region] = self._local_text
            places.embeddings["local", region] = self._local_embeddings
        self.adapters = places.adapters()

    def close(self) -> None:
        self._client.close()
        self._local_text.close()
        self._local_embeddings.close()

    def _add(self, places: "_Places", endpoint: Endpoint, *, region: str) -> None:
        client, timeouts, url = self._client, self._timeouts, endpoint.url
        place, weight = (endpoint.name or endpoint.provider, region), endpoint.weight
        match endpoint.provider:
            case "openai_compatible":
                server = OpenAICompatible(
                    url, client=client, headers=_key_header(endpoint), timeouts=timeouts, ways=_ways(endpoint)
                )
                places.add_text(place, server, weight=weight)
                places.add_embeddings(place, server, weight=weight)
                places.add_relay(place, server, dialect="openai", weight=weight)
            case "anthropic":
                anthropic = Anthropic(url, client=client, api_key=endpoint.key, timeouts=timeouts)
                places.add_text(place, anthropic, weight=weight)
                places.add_counter(place, anthropic, weight=weight)
                places.add_relay(place, anthropic, dialect="anthropic", weight=weight)
            case "bedrock":
                bedrock = Bedrock(
                    region,
                    client=client,
                    credentials=_aws_credentials(endpoint),
                    clock=self._clock,
                    endpoint_url=url or None,
                    timeouts=timeouts,
                )
                places.add_text(place, bedrock, weight=weight)
                places.add_embeddings(place, bedrock, weight=weight)
                places.add_counter(place, bedrock, weight=weight)
            case "cohere":
                cohere = Cohere(url, client=client, api_key=endpoint.key, timeouts=timeouts)
                places.add_embeddings(place, cohere, weight=weight)


class _Places:
    """Targets gathered by place, then one adapter over those of each."""

    def __init__(self, settings: Settings) -> None:
        self._retries = Retries(attempts_max=settings.provider_attempts)
        self._dice = SystemRandom()
        self._text = defaultdict[Place, list[Target[TextModel]]](list)
        self._embeddings = defaultdict[Place, list[Target[EmbeddingsModel]]](list)
        self._relays = defaultdict[tuple[Dialect, Place], list[Target[Relay]]](list)
        self._counters = defaultdict[Place, list[Target[TokenCounter]]](list)
        self.text = dict[Place, TextModel]()
        self.embeddings = dict[Place, EmbeddingsModel]()

    def add_text(self, place: Place, adapter: TextModel, *, weight: float) -> None:
        self._text[place].append(Target(adapter, weight))

    def add_embeddings(self, place: Place, adapter: EmbeddingsModel, *, weight: float) -> None:
        self._embeddings[place].append(Target(adapter, weight))

    def add_relay(self, place: Place, adapter: Relay, *, dialect: Dialect, weight: float) -> None:
        self._relays[dialect, place].append(Target(adapter, weight))

    def add_counter(self, place: Place, adapter: TokenCounter, *, weight: float) -> None:
        self._counters[place].append(Target(adapter, weight))

    def adapters(self) -> Adapters:
        return Adapters(
            text=self.text | {place: BalancedText(self._over(each)) for place, each in self._text.items()},
            embeddings=self.embeddings
            | {place: BalancedEmbeddings(self._over(each)) for place, each in self._embeddings.items()},
            relays={place: BalancedRelay(self._over(each)) for place, each in self._relays.items()},
            counters={place: BalancedCounter(self._over(each)) for place, each in self._counters.items()},
        )

    def _over(self, targets: list[Target[Adapter]]) -> Targets[Adapter]:
        return Targets(targets, retries=self._retries, dice=self._dice)


def _key_header(endpoint: Endpoint) -> dict[str, str]:
    if not endpoint.key:
        return {}
    value = f"Bearer {endpoint.key}" if endpoint.auth == "authorization" else endpoint.key
    return {endpoint.auth: value}


def _aws_credentials(endpoint: Endpoint) -> Credentials:
    if endpoint.key:
        return BearerKey(endpoint.key)
    if endpoint.access_key:
        return StaticKeys(endpoint.access_key, endpoint.secret_key, endpoint.session_token)
    return Profile(endpoint.profile) if endpoint.profile else DefaultChain()


def _ways(endpoint: Endpoint) -> Ways:
    return Ways(
        output_cap_field=endpoint.cap_field,
        asks_usage=endpoint.asks_usage,
        takes_thinking=endpoint.takes_thinking,
    )


def weights_of(settings: Settings) -> Weights:
    """Refused: unavailable, setting_invalid."""
    return own_weights(Path(settings.local_text_model)) if settings.local_text_model else installed_weights()
