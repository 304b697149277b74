"""LangChain's own standard tests for chat models and embeddings, through `ChatOpenAI` and `OpenAIEmbeddings`."""

from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from langchain_tests.integration_tests import ChatModelIntegrationTests, EmbeddingsIntegrationTests

from conformance.running import demo


@pytest.fixture(scope="class", params=["openai", "anthropic", "bedrock"])
def said(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    with demo(request.param, tmp_path_factory.mktemp(request.param)) as running:
        yield running


class TestChatOpenAI(ChatModelIntegrationTests):
    @pytest.fixture(autouse=True)
    def _running(self, said: dict[str, Any]) -> None:
        type(self).said = said

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ChatOpenAI

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {
            "model": "default",
            "base_url": self.said["openai_base_url"],
            "api_key": self.said["keys"]["text"],
            "stream_usage": True,
        }

    @property
    def supports_image_inputs(self) -> bool:
        return True

    @property
    def supports_json_mode(self) -> bool:
        return True


class TestOpenAIEmbeddings(EmbeddingsIntegrationTests):
    @pytest.fixture(autouse=True)
    def _running(self, said: dict[str, Any]) -> None:
        type(self).said = said

    @property
    def embeddings_class(self) -> type[Embeddings]:
        return OpenAIEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return {
            "model": "default",
            "base_url": self.said["openai_base_url"],
            "api_key": self.said["keys"]["embeddings"],
            "check_embedding_ctx_length": False,
        }
