"""Annotations of an answer's text as citations of its parts."""

from collections.abc import Sequence

from packhouse.adapters.models.openai_compatible.wire import InAnnotation, InUrlCitation
from packhouse.domain.chat_part import Citation, Text

Places = tuple[int, int]
Cited = tuple[Places, InUrlCitation]


def texts(text: str, annotations: Sequence[InAnnotation]) -> list[Text]:
    """The text in parts: each stretch that cites with what it cites, so that the neutral parts say the same.

    Stretches that overlap are one part, whose citations count its characters.
    """
    parts = list[Text]()
    at = 0
    for (start, end), cited in _stretches(text, annotations):
        parts += [Text(text[at:start])] if at < start else []
        parts.append(
            Text(text[start:end], tuple(_citation(each, places, stretch=(start, end)) for places, each in cited))
        )
        at = end
    return [*parts, Text(text[at:])] if at < len(text) else parts


def citations(annotations: Sequence[InAnnotation]) -> list[Citation]:
    """Those of a text that is being written: they count its characters."""
    given = [each.url_citation for each in annotations if each.url_citation is not None]
    return [_citation(each, (each.start_index, each.end_index), stretch=(0, -1)) for each in given]


def _stretches(text: str, annotations: Sequence[InAnnotation]) -> list[tuple[Places, list[Cited]]]:
    """In order and apart from each other."""
    given = [each.url_citation for each in annotations if each.url_citation is not None]
    cited = sorted(((_places(each, len(text)), each) for each in given), key=lambda found: found[0])
    stretches = list[tuple[Places, list[Cited]]]()
    for places, each in cited:
        if stretches and places[0] < stretches[-1][0][1]:
            (start, end), before = stretches[-1]
            stretches[-1] = ((start, max(end, places[1])), [*before, (places, each)])
        else:
            stretches.append((places, [(places, each)]))
    return stretches


def _places(cited: InUrlCitation, length: int) -> Places:
    """What lies outside of the text is of all of it."""
    inside = 0 <= cited.start_index < cited.end_index <= length
    return (cited.start_index, cited.end_index) if inside else (0, length)


def _citation(cited: InUrlCitation, places: Places, *, stretch: Places) -> Citation:
    """Of a whole part it needs no places."""
    start, end = (0, 0) if places == stretch else (places[0] - stretch[0], places[1] - stretch[0])
    return Citation(kind="web", title=cited.title or "", source=cited.url or "", start=start, end=end)
