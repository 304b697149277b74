"""Temporary."""

import msgspec


class DemoQuestion(msgspec.Struct, frozen=True):
    question: str
    fact: str
    document: str
    page: int | None = None


QUESTIONS = (DemoQuestion("How many litres does the water tank hold?", "340", "boat.txt"),)
