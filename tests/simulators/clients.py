"""The providers' own clients, pointed at a simulator, each without retries."""

import asyncio
from collections.abc import Callable
from typing import Any

import anthropic
import boto3
import cohere
import msgspec
import openai
from anthropic.lib.bedrock import AsyncAnthropicBedrock
from botocore.config import Config

from packhouse.simulators import Simulator

REGION = "eu-central-1"
_SESSION = boto3.Session()  # which reads the services' models once


class Bedrock:
    """`boto3`'s client, its calls in threads."""

    def __init__(self, simulator: Simulator, *, region: str = REGION, token: str = "", **changed: str) -> None:
        credentials = msgspec.structs.replace(simulator.credentials, **changed)
        self.client: Any = _SESSION.client(
            "bedrock-runtime",
            region_name=region,
            endpoint_url=simulator.url,
            aws_access_key_id=credentials.access_key,
            aws_secret_access_key=credentials.secret_key,
            aws_session_token=token or credentials.session_token or None,
            config=Config(retries={"total_max_attempts": 1}, read_timeout=5, connect_timeout=5),
        )

    async def __call__(self, verb: str, **arguments: Any) -> Any:
        return await asyncio.to_thread(getattr(self.client, verb), **arguments)

    async def stream(self, **arguments: Any) -> list[dict[str, Any]]:
        """All events of a ConverseStream."""
        return await self._read(lambda: self.client.converse_stream(**arguments)["stream"])

    async def invoke_stream(self, **arguments: Any) -> list[dict[str, Any]]:
        """All events of an InvokeModelWithResponseStream."""
        return await self._read(lambda: self.client.invoke_model_with_response_stream(**arguments)["body"])

    async def _read(self, begin: Callable[[], Any]) -> list[dict[str, Any]]:
        return await asyncio.to_thread(lambda: list(begin()))


def said(text: str) -> list[dict[str, Any]]:
    """One user turn for Converse."""
    return [{"role": "user", "content": [{"text": text}]}]


def anthropic_client(simulator: Simulator, **more: Any) -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(
        base_url=simulator.url,
        api_key=simulator.credentials.key,
        max_retries=0,
        timeout=5,
        _strict_response_validation=True,
        **more,
    )


def anthropic_bedrock_client(simulator: Simulator, **more: Any) -> AsyncAnthropicBedrock:
    credentials = simulator.credentials
    keys = more or {"aws_access_key": credentials.access_key, "aws_secret_key": credentials.secret_key}
    return AsyncAnthropicBedrock(
        base_url=simulator.url, aws_region=REGION, max_retries=0, timeout=5, _strict_response_validation=True, **keys
    )


def openai_client(simulator: Simulator, *, strict: bool = True) -> openai.AsyncOpenAI:
    """A strict one cannot take embeddings in base64."""
    return openai.AsyncOpenAI(
        base_url=f"{simulator.url}/v1",
        api_key=simulator.credentials.key,
        max_retries=0,
        timeout=5,
        _strict_response_validation=strict,
    )


def cohere_client(simulator: Simulator) -> cohere.AsyncClientV2:
    return cohere.AsyncClientV2(base_url=simulator.url, api_key=simulator.credentials.key, timeout=5)


def cohere_v1_client(simulator: Simulator) -> cohere.AsyncClient:
    return cohere.AsyncClient(base_url=simulator.url, api_key=simulator.credentials.key, timeout=5)
