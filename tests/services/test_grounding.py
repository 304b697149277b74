"""What models are told about the passages that were found."""

import msgspec

from packhouse.domain.chat import ChatRequest, Message, OutputFormat
from packhouse.domain.chat_part import Text
from packhouse.domain.knowledge import Chunk, Found
from packhouse.domain.units import CollectionId, DocumentId
from packhouse.services.grounding import QUOTE, reference_of, with_passages, with_quote

FOUND = [
    Found(CollectionId("col_1"), Chunk(id=str(page), text=text, page=page, metadata=(("title", "m.pdf"),)), 0.5, 1.0)
    for page, text in ((1, "The tank holds 40 litres."), (4, 'The lamp, called "Sun", lasts for 9,000 hours.'))
]


def asked(*turns: str, **more: object) -> ChatRequest:
    roles = ("user", "assistant")
    messages = tuple(Message(roles[place % 2], (Text(text),)) for place, text in enumerate(turns))
    return msgspec.structs.replace(ChatRequest(model="m", messages=messages), **more)


def test_a_small_model_is_shown_the_nearest_passage_alone_and_begins_with_a_quotation() -> None:
    request, place = with_quote(asked("Hi", "Hello", "How long does the lamp last?", stop=("x",)), FOUND)
    assert place == 1
    assert [message.role for message in request.messages] == ["user", "assistant", "user", "assistant"]
    shown = request.messages[2].text
    assert "The lamp, called 'Sun', lasts" in shown, "an inner quotation does not end the outer one"
    assert "40 litres" not in shown
    assert request.messages[3].text == 'The text says: "'
    assert (request.stop, request.temperature) == (("x", QUOTE), 0.0)


def test_an_answer_that_has_a_form_does_not_begin_as_a_quotation() -> None:
    request, _ = with_quote(asked("How long?", output_format=OutputFormat("json_object"), temperature=0.7), FOUND)
    assert [message.role for message in request.messages] == ["user"]
    assert (request.stop, request.temperature) == ((), 0.7)


def test_nothing_found_is_said_and_nothing_is_quoted() -> None:
    request, _ = with_quote(asked("How long?"), [])
    assert request.messages[-1].role == "user"
    assert "say nothing about it" in request.messages[-1].text


def test_a_model_that_reads_well_gets_all_passages_with_their_places() -> None:
    told = with_passages(asked("How long?"), FOUND).messages[-1].text
    assert "[1] m.pdf, page 1:\nThe tank" in told
    assert "[2] m.pdf, page 4:" in told
    assert told.endswith("Question: How long?")


def test_a_reference_names_its_link_before_its_document() -> None:
    assert reference_of(FOUND[0]).source == "m.pdf"
    linked = Chunk(id="c", text="t", document_id=DocumentId("doc_1"), metadata=(("sourceUrl", "https://a.example/x"),))
    reference = reference_of(Found(CollectionId("col_1"), linked, None, 1.0))
    assert (reference.title, reference.source, reference.document_id) == (None, "https://a.example/x", "doc_1")
