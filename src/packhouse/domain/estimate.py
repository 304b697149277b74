"""Upper bounds on what a call may consume, known before it is made.

A byte-level tokenizer makes at most one token of a byte, so the bytes of what is sent bound the tokens of
its text. A chat's template adds to every message, and images have a price of their own.
"""

from packhouse.domain.chat import ChatRequest, Document, Image, Message, Text, Thinking, ToolResult, ToolUse

TOKENS_PER_MESSAGE = 16
"""More than the template of any model spends on opening and closing a message."""

TOKENS_PER_CALL = 64

TOKENS_WITH_TOOLS = 1_000
"""What providers add to the prompt to explain tools to their models."""

TOKENS_PER_IMAGE = 6_400
"""More than any model of the catalog spends on one image, which it scales down first."""


def input_bound(request: ChatRequest) -> int:
    """No provider reports more input tokens for this request."""
    tools = sum(
        len(tool.name.encode()) + len(tool.description.encode()) + len(bytes(tool.parameters)) + TOKENS_PER_MESSAGE
        for tool in request.tools
    )
    return (
        TOKENS_PER_CALL
        + sum(_message(message) for message in request.messages)
        + tools
        + (TOKENS_WITH_TOOLS if tools else 0)
        + len(bytes(request.output_format.schema))
    )


def _message(message: Message) -> int:
    bound = TOKENS_PER_MESSAGE
    for part in message.parts:
        match part:
            case Text(text=text):
                bound += len(text.encode())
            case Thinking(text=text, signature=signature):
                bound += len(text.encode()) + len(signature)
            case ToolUse(id=id_, name=name, arguments=arguments):
                bound += len(id_) + len(name.encode()) + len(arguments.encode()) + TOKENS_PER_MESSAGE
            case ToolResult(tool_use_id=id_, text=text):
                bound += len(id_) + len(text.encode()) + TOKENS_PER_MESSAGE
            case Image():
                bound += TOKENS_PER_IMAGE
            case Document(data=data, url=url):
                bound += len(data) + len(url) + TOKENS_PER_MESSAGE
    return bound
