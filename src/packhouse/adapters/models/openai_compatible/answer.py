"""From an answer in the OpenAI dialect to the neutral one."""

from packhouse.adapters.models.openai_compatible.wire import Answer, Message
from packhouse.domain.chat import ChatAnswer, Part, StopReason, Text, Thinking, ToolUse
from packhouse.domain.errors import Refused

STOP: dict[str, StopReason] = {
    "stop": "end",
    "length": "length",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "filtered",
}


def answer_of(answer: Answer) -> ChatAnswer:
    """Refused(provider_malformed) where there is no choice."""
    if not answer.choices:
        raise Refused("provider_malformed", "The model's provider answered without a choice.")
    choice = answer.choices[0]
    parts = _parts(choice.message)
    uses_tools = any(isinstance(part, ToolUse) for part in parts)
    default: StopReason = "tool_use" if uses_tools else "end"
    reason = STOP.get(choice.finish_reason or "", default)
    return ChatAnswer(tuple(parts), reason, answer.usage.tokens if answer.usage is not None else None)


def _parts(message: Message) -> list[Part]:
    parts = list[Part]()
    if message.reasoning_content:
        parts.append(Thinking(message.reasoning_content))
    text = message.content or message.refusal
    if text:
        parts.append(Text(text))
    for number, call in enumerate(message.tool_calls or ()):
        function = call.function
        parts.append(ToolUse(call.id or f"call_{number}", function.name or "", function.arguments or "{}"))
    return parts
