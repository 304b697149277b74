"""What OpenAI's dialect reports as consumed, as token classes.

Its servers' reports are read in front, where an answer is relayed, and behind, where it is translated: what they mean
is one rule, so it stands here.
"""

import msgspec

from packhouse.domain.units import ModelTokens

TOKENS_END = 2**53
"""No call comes to so many."""


class PromptDetails(msgspec.Struct, frozen=True):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None


_NO_DETAILS = PromptDetails()


class OpenAIUsage(msgspec.Struct, frozen=True):
    """The `usage` object; names are the wire's, and a server may leave out any of them or send null.

    `prompt_cache_hit_tokens` is DeepSeek's word for cached tokens, a `cached_tokens` beside the counts Moonshot's.
    """

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    prompt_tokens_details: PromptDetails | None = None
    prompt_cache_hit_tokens: int | None = None
    cached_tokens: int | None = None

    def tokens(self) -> ModelTokens | None:
        """None where nothing was counted, or what cannot be a count.

        Tokens read from a cache or written to one are part of the dialect's prompt tokens, but classes of their own
        here. Thought is part of the completion tokens; servers that leave it out there have it in the total.
        """
        prompt = self.prompt_tokens
        if prompt is None or prompt < 0:
            return None
        output = max(self.completion_tokens or 0, (self.total_tokens or 0) - prompt, 0)
        if prompt + output >= TOKENS_END:
            return None
        details = self.prompt_tokens_details or _NO_DETAILS
        cached = details.cached_tokens or self.prompt_cache_hit_tokens or self.cached_tokens
        if not cached and not details.cache_write_tokens:
            return ModelTokens(prompt, output)
        read = min(max(cached or 0, 0), prompt)
        written = min(max(details.cache_write_tokens or 0, 0), prompt - read)
        return ModelTokens(prompt - read - written, output, read, written)
