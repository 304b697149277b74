#!/usr/bin/env python3
"""Makes the PDF manual that ships with the demo: src/packhouse/cli/demo_documents/murrel-40-manual.pdf

The company and its product are made up. Run it after changing the text below: .venv/bin/python scripts/demo_manual.py
The same text gives the same bytes.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_LEFT
from reportlab.lib.pagesizes import A5
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, HRFlowable, PageBreak, Paragraph, SimpleDocTemplate, Spacer

TARGET = Path(__file__).parents[1] / "src/packhouse/cli/demo_documents/murrel-40-manual.pdf"

PAGES: list[tuple[str, list[str]]] = [
    (
        "1 Overview",
        [
            "The Murrel 40 is a mobile water purifier for building sites, camps and relief work. It draws water from "
            "a river, a lake or a well and makes it safe to drink without any chemicals.",
            "The water tank of the Murrel 40 holds 40 litres. When the tank is empty, the whole unit weighs 31 "
            "kilograms, so that two people can lift it by its handles.",
            "In good conditions the unit purifies 180 litres an hour. Very muddy water takes about twice as long, "
            "because the sediment filter lets less of it through.",
            "The housing is made of recycled aluminium. The handles and the lid come in orange, so that the unit is "
            "easy to find in tall grass or snow.",
        ],
    ),
    (
        "2 Setting up",
        [
            "Put the Murrel 40 on level ground, at least 50 centimetres away from walls and other machines. The "
            "fan at the back needs this space to breathe.",
            "Connect the inlet hose to the blue socket. The inlet hose may be at most 12 metres long; with a longer "
            "hose the pump runs dry and stops.",
            "The power cable needs a socket of 230 volts with a fuse of 10 amperes. Never use a cable reel that is "
            "still wound up, because it grows hot.",
            "Before you use the unit for the first time, rinse it for 15 minutes. Pour this water away and do not "
            "drink it.",
        ],
    ),
    (
        "3 Daily use",
        [
            "To start the unit, hold the green button down for three seconds. The pump needs about a minute until it "
            "has filled the hose.",
            "A steady blue light shows that the water is safe to drink. While the light flashes, the unit is still "
            "warming up; do not drink the water yet.",
            "The pressure of the incoming water must lie between 2 and 6 bar. Above that a valve opens and lets "
            "water out at the bottom of the unit.",
            "Below 3 degrees Celsius the Murrel 40 switches itself off, to protect its pipes from frost. Empty "
            "the tank every evening when nights are cold.",
        ],
    ),
    (
        "4 Maintenance",
        [
            "Replace the carbon filter every 90 days, even when it still looks clean. Write the date of the change "
            "on the sticker inside the lid.",
            "The ultraviolet lamp lasts for 9,000 hours. The display counts the hours and reminds you when only one "
            "hundred are left.",
            "Clean the water tank once a month with citric acid. Other cleaning agents attack the seals of the lid.",
            "Order new filter cartridges under the part number TW-4417. Cartridges of other makers look alike but "
            "do not seal well.",
        ],
    ),
    (
        "5 Faults and warranty",
        [
            "The code E7 on the display means that the sediment filter is clogged. Take the filter out, rinse "
            "it under running water and put it back.",
            "The code E2 means that the lid is open. Close the lid until you hear it click, then start the unit again.",
            "The warranty lasts for 36 months from the day of purchase. It does not cover damage by frost, nor "
            "parts that wear out, such as filters and lamps.",
            "The service desk of Tarnby Works answers calls on weekdays from 7:00 to 18:00. Spare parts are kept in "
            "stock for twelve years after a model is discontinued.",
        ],
    ),
]

INK = HexColor("#1d2b36")
SEA = HexColor("#0b6e8a")
SMALL = ParagraphStyle("small", fontName="Helvetica", fontSize=8, textColor=SEA)
HEADING = ParagraphStyle("heading", fontName="Helvetica-Bold", fontSize=17, leading=22, textColor=SEA, spaceAfter=8)
BODY = ParagraphStyle(
    "body", fontName="Helvetica", fontSize=11, leading=16, textColor=INK, alignment=TA_LEFT, spaceAfter=10
)


def flowables() -> Iterator[Flowable]:
    for number, (heading, paragraphs) in enumerate(PAGES):
        if number:
            yield PageBreak()
        yield Paragraph("TARNBY WORKS &nbsp;&middot;&nbsp; MURREL 40 MANUAL", SMALL)
        yield Spacer(1, 3 * mm)
        yield HRFlowable(width="100%", thickness=0.8, color=SEA)
        yield Spacer(1, 6 * mm)
        yield Paragraph(heading, HEADING)
        for paragraph in paragraphs:
            yield Paragraph(paragraph, BODY)


def number_page(canvas: Any, _document: Any) -> None:
    canvas.setFont("Helvetica", 8)
    canvas.setFillColor(SEA)
    canvas.drawRightString(A5[0] - 18 * mm, 10 * mm, str(canvas.getPageNumber()))


def main() -> None:
    document = SimpleDocTemplate(
        str(TARGET),
        pagesize=A5,
        leftMargin=18 * mm,
        rightMargin=18 * mm,
        topMargin=14 * mm,
        bottomMargin=18 * mm,
        title="Murrel 40 manual",
        author="Tarnby Works",
        invariant=1,
    )
    document.build(list(flowables()), onFirstPage=number_page, onLaterPages=number_page)
    print(f"{TARGET}: {TARGET.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
