"""Citations, between Converse's places and the neutral ones."""

from typing import Literal

from packhouse.adapters.models.bedrock import wire
from packhouse.domain.chat_part import Citation

Kind = Literal["characters", "pages", "blocks", "search_result", "web"]


def citation_in(given: wire.Citation) -> Citation:
    """A citation without a place counts as one of characters, of none."""
    kind, source, (document, start, end) = _place(given.location or wire.Location())
    return Citation(
        kind=kind,
        cited_text="".join(each.text or "" for each in given.source_content or ()),
        title=given.title or "",
        source=source or given.source or "",
        document=document,
        start=start,
        end=end,
    )


def citation_out(citation: Citation) -> wire.Citation:
    said = (wire.Words(citation.cited_text),) if citation.cited_text else None
    source = citation.source if citation.kind != "web" else ""
    return wire.Citation(citation.title or None, source or None, said, _location(citation))


def _place(location: wire.Location) -> tuple[Kind, str, tuple[int, int, int]]:
    if (found := location.search_result_location) is not None:
        return "search_result", "", (found.search_result_index, found.start, found.end)
    if location.web is not None:
        return "web", location.web.url or "", (0, 0, 0)
    if location.document_page is not None:
        return "pages", "", _numbers(location.document_page)
    if location.document_chunk is not None:
        return "blocks", "", _numbers(location.document_chunk)
    return "characters", "", _numbers(location.document_char or wire.DocumentPlace())


def _numbers(place: wire.DocumentPlace) -> tuple[int, int, int]:
    return place.document_index, place.start, place.end


def _location(citation: Citation) -> wire.Location:
    place = wire.DocumentPlace(citation.document, citation.start, citation.end)
    match citation.kind:
        case "characters":
            return wire.Location(document_char=place)
        case "pages":
            return wire.Location(document_page=place)
        case "blocks":
            return wire.Location(document_chunk=place)
        case "search_result":
            found = wire.SearchPlace(citation.document, citation.start, citation.end)
            return wire.Location(search_result_location=found)
        case "web":
            return wire.Location(web=wire.WebPlace(citation.source))
