"""In what servers of this dialect differ."""

from typing import Literal

import msgspec

OutputCapField = Literal["max_tokens", "max_completion_tokens"]
Encoding = Literal["float", "base64"]


class Ways(msgspec.Struct, frozen=True, kw_only=True):
    """What a server takes. Vectors are read in either encoding, whichever was asked for.

    `output_cap_field` is the only name that it takes for the output cap: OpenAI's newer models know no `max_tokens`,
    Mistral's no `max_completion_tokens`. None: it takes both.
    `asks_usage`: streams are asked to report what they cost; Mistral's report it unasked and refuse the question.
    `takes_thinking`: what a model thought goes back to it with the conversation (vLLM, DeepSeek); OpenAI and Mistral
    refuse it.
    """

    output_cap_field: OutputCapField | None = None
    embedding_encoding: Encoding = "float"
    embed_texts_max: int = 256
    asks_usage: bool = True
    takes_thinking: bool = False
