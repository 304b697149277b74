"""Where an answer has what it says from, as the OpenAI dialect writes it; and what it has no word for.

Web pages are annotations of the text. Every other citation, what a web page's annotation cannot hold, blocks of other
dialects and reasons to stop stand in `provider_specific_fields`, so that nothing of an answer is lost.

In a stream each entry of a list has its place in it (`index`): OpenAI's clients put lists together by that alone.
"""

from collections.abc import Iterable, Sequence

import msgspec

from packhouse.domain.chat import StopReason
from packhouse.domain.chat_part import Citation, Dialect, Foreign
from packhouse.domain.content import Content

_UNSAID: frozenset[StopReason] = frozenset({"paused", "context_full", "malformed"})
"""Reasons that no `finish_reason` tells from others."""


class OutUrlCitation(Content, frozen=True):
    start_index: int
    end_index: int
    title: str
    url: str


class OutAnnotation(Content, frozen=True):
    url_citation: OutUrlCitation
    type: str = "url_citation"
    index: int | msgspec.UnsetType = msgspec.UNSET


class OutCitation(Content, frozen=True, kw_only=True, omit_defaults=True):
    """A citation of the characters of `content` from `start_index` to `end_index`; the rest as the neutral one."""

    kind: str
    start_index: int
    end_index: int
    cited_text: str = ""
    title: str = ""
    source: str = ""
    document: int = 0
    start: int = 0
    end: int = 0
    mark: str = ""
    index: int | msgspec.UnsetType = msgspec.UNSET


class OutForeign(Content, frozen=True):
    dialect: Dialect
    type: str
    block: msgspec.Raw
    index: int | msgspec.UnsetType = msgspec.UNSET


class OutSpecific(Content, frozen=True, omit_defaults=True):
    citations: tuple[OutCitation, ...] = ()
    blocks: tuple[OutForeign, ...] = ()
    stop_reason: str = ""


class Span(msgspec.Struct, frozen=True):
    """A piece of text by its places in the whole content, in characters."""

    start: int
    end: int


def annotations(citations: Iterable[Citation], span: Span) -> list[OutAnnotation]:
    """Those of web pages. `span` is the text that cites them."""
    found = list[OutAnnotation]()
    for cited in citations:
        if cited.kind == "web":
            at = _within(cited, span)
            found.append(OutAnnotation(OutUrlCitation(at.start, at.end, cited.title, cited.source)))
    return found


def other_citations(citations: Iterable[Citation], span: Span) -> list[OutCitation]:
    return [_out(cited, span) for cited in citations if cited.kind != "web" or cited.mark or cited.cited_text]


def specific(
    citations: Sequence[OutCitation] = (), *, foreign: Sequence[Foreign] = (), stop_reason: StopReason = "end"
) -> OutSpecific | msgspec.UnsetType:
    """Nothing where there is nothing to say."""
    unsaid = stop_reason if stop_reason in _UNSAID else ""
    if not citations and not foreign and not unsaid:
        return msgspec.UNSET
    blocks = tuple(OutForeign(part.dialect, part.kind, part.json) for part in foreign)
    return OutSpecific(tuple(citations), blocks, unsaid)


def _out(cited: Citation, span: Span) -> OutCitation:
    at = _within(cited, span)
    web = cited.kind == "web"
    return OutCitation(
        kind=cited.kind,
        start_index=at.start,
        end_index=at.end,
        cited_text=cited.cited_text,
        title=cited.title,
        source=cited.source,
        document=cited.document,
        start=0 if web else cited.start,
        end=0 if web else cited.end,
        mark=cited.mark,
    )


def _within(cited: Citation, span: Span) -> Span:
    """A web page's citation may count characters of the text that cites it."""
    if cited.kind != "web" or cited.end <= cited.start:
        return span
    return Span(span.start + cited.start, span.start + cited.end)
