"""LangChain's own standard tests for chat models, through `ChatAnthropic`."""

from collections.abc import Iterator
from typing import Any

import pytest
from langchain_anthropic import ChatAnthropic
from langchain_core.language_models import BaseChatModel
from langchain_tests.integration_tests import ChatModelIntegrationTests

from conformance.running import demo


@pytest.fixture(scope="class", params=["anthropic", "bedrock", "openai"])
def said(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    with demo(request.param, tmp_path_factory.mktemp(request.param)) as running:
        yield running


class TestChatAnthropic(ChatModelIntegrationTests):
    @pytest.fixture(autouse=True)
    def _running(self, said: dict[str, Any]) -> None:
        type(self).said = said

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ChatAnthropic

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {
            "model": "default",
            "base_url": self.said["anthropic_base_url"],
            "api_key": self.said["keys"]["text"],
            "max_tokens": 1000,
        }

    @property
    def supports_image_inputs(self) -> bool:
        return True

    @property
    def supports_image_urls(self) -> bool:
        return False

    @property
    def supports_pdf_inputs(self) -> bool:
        return True

    @property
    def supports_image_tool_message(self) -> bool:
        return True

    @property
    def supports_pdf_tool_message(self) -> bool:
        return True

    @property
    def supports_anthropic_inputs(self) -> bool:
        return True
