"""Options that a provider does not know are refused by name; a beta alone asks for nothing."""

import msgspec
import pytest

from packhouse.domain.chat import ChatRequest, ForeignOption, Message
from packhouse.domain.chat_part import Text
from packhouse.domain.errors import Refused


def asked(*options: ForeignOption) -> ChatRequest:
    return ChatRequest(model="m", messages=(Message("user", (Text("hello"),)),), options=options)


def option(name: str) -> ForeignOption:
    return ForeignOption("anthropic", name, msgspec.Raw(b'"x"'))


def test_an_option_of_another_dialect_is_refused_by_name() -> None:
    with pytest.raises(Refused, match="'container'") as no:
        asked(option("container")).refuse_options()
    assert (no.value.code, no.value.facts["field"]) == ("unsupported", "container")
    with pytest.raises(Refused):
        asked(option("container")).refuse_options(but="openai")


def test_ones_own_options_and_betas_are_taken() -> None:
    asked(option("anthropic_beta")).refuse_options()
    asked(option("container")).refuse_options(but="anthropic")
