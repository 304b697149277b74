"""What the demo asks: single facts, each on one page of one document that ships with it."""

import msgspec


class DemoQuestion(msgspec.Struct, frozen=True):
    """`fact` is what a right answer contains; `page` is None where the document has no pages."""

    question: str
    fact: str
    document: str
    page: int | None


MANUAL = "murrel-40-manual.pdf"
HANDBOOK = "employee-handbook.md"
NOTE = "depot-note.txt"

QUESTIONS = (
    DemoQuestion("How many hours does the ultraviolet lamp last?", "9,000", MANUAL, 4),
    DemoQuestion("How many weeks of paid parental leave does each parent get?", "20", HANDBOOK, None),
    DemoQuestion("When does the gate of the depot open?", "6:15", NOTE, None),
)
