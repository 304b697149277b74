"""What Converse refuses, in its words."""

import re
from collections.abc import Sequence

from packhouse.simulators.bedrock.wire import Block, ConverseBody, Message
from packhouse.simulators.dialect import Rejected

_CACHE_POINTS_MAX = 4
_BUDGET_MIN = 1_024
_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_TOOL_USE_ID = re.compile(r"[a-zA-Z0-9_.:-]{1,64}")
_DOCUMENT_NAME = re.compile(r"[A-Za-z0-9\s()\[\]-]{1,200}")
_IMAGE_FORMATS = ("png", "jpeg", "gif", "webp")
_DOCUMENT_FORMATS = ("pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md")


def check(body: ConverseBody, model: str) -> None:
    """Raises `Rejected` (400). `model` is the foundation model, empty where the id does not tell it."""
    if not body.messages:
        raise Rejected(400, "A conversation must start with a user message. Try again with a conversation that starts"
                       " with a user message.")  # fmt: skip
    _check_config(body)
    _check_tools(body)
    _check_turns(body.messages, is_claude="anthropic." in model)
    for place, message in enumerate(body.messages):
        for number, block in enumerate(message.content):
            where = f"messages.{place}.content.{number}"
            _check_block(block, where)
            if "anthropic." in model:
                _check_claude(block, where)
    _check_results(body.messages)
    _check_cache_points(body)
    if "anthropic." in model:
        _check_budget(body)
    for number, block in enumerate(body.system or ()):
        _check_block(block, f"system.{number}")


def _check_config(body: ConverseBody) -> None:
    config = body.inference_config
    if config is None:
        return
    if config.max_tokens is not None and config.max_tokens < 1:
        raise _invalid("inferenceConfig.maxTokens", config.max_tokens, wanted="greater than or equal to 1")
    for name, value in (("temperature", config.temperature), ("topP", config.top_p)):
        if value is not None and not 0 <= value <= 1:
            raise _invalid(f"inferenceConfig.{name}", value, wanted="between 0 and 1")


def _check_tools(body: ConverseBody) -> None:
    if body.tool_config is None:
        uses_tools = any(block.tool_use or block.tool_result for it in body.messages for block in it.content)
        if uses_tools:
            raise Rejected(
                400, "The toolConfig field must be defined when using toolUse and toolResult content blocks."
            )
        return
    if not body.tool_config.tools:
        raise _invalid("toolConfig.tools", "[]", wanted="of length greater than or equal to 1")
    names = [it.tool_spec.name for it in body.tool_config.tools if it.tool_spec]
    for number, tool in enumerate(body.tool_config.tools):
        spec = tool.tool_spec
        if spec and not _TOOL_NAME.fullmatch(spec.name):
            raise _invalid(f"toolConfig.tools.{number}.member.toolSpec.name", spec.name, wanted=_TOOL_NAME.pattern)
        if spec and spec.description == "":
            raise _invalid(
                f"toolConfig.tools.{number}.member.toolSpec.description", "", wanted="at least 1 character long"
            )
    if len(set(names)) < len(names):
        raise Rejected(400, "The toolConfig field contains duplicate tool names.")
    choice = body.tool_config.tool_choice
    if choice and choice.tool and choice.tool.name not in names:
        raise Rejected(400, f"The tool {choice.tool.name} in toolChoice is not defined in toolConfig.tools.")


def _check_turns(messages: Sequence[Message], *, is_claude: bool) -> None:
    """Claude may begin: that is recorded."""
    if messages[0].role != "user" and not is_claude:
        raise Rejected(400, "A conversation must start with a user message. Try again with a conversation that starts"
                       " with a user message.")  # fmt: skip
    last = ""
    for place, message in enumerate(messages):
        if message.role not in ("user", "assistant", "system"):
            raise _invalid(f"messages.{place + 1}.member.role", message.role, wanted="one of [user, assistant, system]")
        if not message.content:
            raise Rejected(
                400,
                f"The content field in the Message object at messages.{place} is empty. Add a ContentBlock object to"
                " the content field and try again.",
            )
        if message.role == last:
            raise Rejected(
                400,
                "A conversation must alternate between user and assistant roles. Make sure the conversation"
                " alternates between user and assistant roles and try again.",
            )
        last = message.role


def _check_block(block: Block, where: str) -> None:
    members = sum(getattr(block, name) is not None for name in block.__struct_fields__)
    if members != 1:
        text = f"The ContentBlock object at {where} must set one of the following keys: text, image, toolUse, …"
        raise Rejected(400, text)
    match block:
        case Block(text=str(text)) if not text.strip():
            raise Rejected(
                400,
                f"The text field in the ContentBlock object at {where} is blank. Add text to the text field, and try"
                " again.",
            )
        case Block(image=image) if image is not None:
            if image.format not in _IMAGE_FORMATS:
                raise _invalid(f"{where}.image.format", image.format, wanted=f"one of {list(_IMAGE_FORMATS)}")
        case Block(document=document) if document is not None:
            if document.format not in _DOCUMENT_FORMATS:
                raise _invalid(f"{where}.document.format", document.format, wanted=f"one of {list(_DOCUMENT_FORMATS)}")
            if not _DOCUMENT_NAME.fullmatch(document.name) or "  " in document.name:
                raise Rejected(
                    400,
                    "The document file name can only contain alphanumeric characters, whitespace characters, hyphens,"
                    " parentheses, and square brackets. The name can't contain more than one consecutive whitespace"
                    " character.",
                )
        case Block(tool_use=use) if use is not None:
            _check_use(use.tool_use_id, use.name, where=where)
        case Block(tool_result=result) if result is not None:
            for number, inner in enumerate(result.content):
                _check_block(inner, f"{where}.toolResult.content.{number}")
        case _:
            pass


def _check_claude(block: Block, where: str) -> None:
    """As recorded: objects of S3 are taken in documents that tools return, and nowhere else."""
    if block.video is not None:
        raise Rejected(
            400,
            "This model doesn't support the video content block that you provided. Update the content block and try"
            " again.",
        )
    if block.image is not None and block.image.source.s3_location is not None:
        raise Rejected(400, "This model doesn't support the s3Uri field. Remove s3Uri and try again.")
    if where and block.document is not None and block.document.source.s3_location is not None:
        raise Rejected(400, f"The model returned the following errors: {where}.document.source.type: Field required")
    for inner in block.tool_result.content if block.tool_result else ():
        _check_claude(inner, "")


def _check_cache_points(body: ConverseBody) -> None:
    blocks = [*(body.system or ()), *(block for message in body.messages for block in message.content)]
    tools = body.tool_config.tools if body.tool_config else ()
    found = sum(block.cache_point is not None for block in blocks) + sum(tool.cache_point is not None for tool in tools)
    if found > _CACHE_POINTS_MAX:
        raise Rejected(
            400,
            "The model returned the following errors: A maximum of 4 blocks with cache_control may be provided. Found"
            f" {found}.",
        )


def _check_budget(body: ConverseBody) -> None:
    """A model's own fields are checked by the model: the words are Claude's."""
    match body.additional_model_request_fields:
        case {"thinking": {"type": "enabled", "budget_tokens": int(budget)}}:
            pass
        case _:
            return
    said = "The model returned the following errors: "
    if budget < _BUDGET_MIN:
        raise Rejected(
            400, f"{said}thinking.enabled.budget_tokens: Input should be greater than or equal to {_BUDGET_MIN}"
        )
    cap = body.inference_config.max_tokens if body.inference_config else None
    if cap is not None and cap <= budget:
        raise Rejected(400, f"{said}`max_tokens` must be greater than `thinking.budget_tokens`.")


def _check_use(use_id: str, name: str, *, where: str) -> None:
    if not _TOOL_USE_ID.fullmatch(use_id):
        raise _invalid(f"{where}.toolUse.toolUseId", use_id, wanted=_TOOL_USE_ID.pattern)
    if not _TOOL_NAME.fullmatch(name):
        raise _invalid(f"{where}.toolUse.name", name, wanted=_TOOL_NAME.pattern)


def _check_results(messages: Sequence[Message]) -> None:
    """Tools that the service runs itself are used and answered within one turn: they are left out."""
    waiting: list[str] = []
    for place, message in enumerate(messages):
        found = message.content if message.role == "user" else ()
        results = [it.tool_result.tool_use_id for it in found if it.tool_result]
        missing = [it for it in waiting if it not in results]
        if missing:
            text = f"Expected toolResult blocks at messages.{place}.content for the following Ids: {', '.join(missing)}"
            raise Rejected(400, text)
        if len(results) > len(waiting):
            raise Rejected(
                400,
                f"The number of toolResult blocks at messages.{place}.content exceeds the number of toolUse blocks of"
                " previous turn.",
            )
        uses = (it.tool_use for it in message.content if it.tool_use)
        waiting = [it.tool_use_id for it in uses if it.type != "server_tool_use"]
    if waiting:
        text = f"Expected toolResult blocks at messages.{len(messages)}.content for the following Ids: "
        raise Rejected(400, text + ", ".join(waiting))


def _invalid(where: str, value: object, *, wanted: str) -> Rejected:
    return Rejected(
        400,
        f"1 validation error detected: Value '{value}' at '{where}' failed to satisfy constraint: Member must be"
        f" {wanted}",
    )
