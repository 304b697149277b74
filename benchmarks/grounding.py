"""How often the embedded models answer single facts of the demo's documents rightly, and cite the right page.

Run it from the repository: `PYTHONPATH=. .venv/bin/python benchmarks/grounding.py`. It starts the demo on free ports,
asks each question through the gateway as an application does, and prints what was wrong. The questions go beyond the
three that the demo itself asks.
"""

import argparse
import tempfile
from contextlib import ExitStack
from pathlib import Path

from packhouse.cli.demo_questions import HANDBOOK, MANUAL, NOTE, QUESTIONS, DemoQuestion
from packhouse_connector import Packhouse
from tests.support.running import demo

MORE = (
    DemoQuestion("How many litres does the water tank of the Murrel 40 hold?", "40 litres", MANUAL, 1),
    DemoQuestion("How long may the inlet hose be at most?", "12 metres", MANUAL, 2),
    DemoQuestion("What does a steady blue light show?", "safe to drink", MANUAL, 3),
    DemoQuestion("How often must the carbon filter be replaced?", "90 days", MANUAL, 4),
    DemoQuestion("How long is the warranty of the Murrel 40?", "36 months", MANUAL, 5),
    DemoQuestion("What is the part number of new filter cartridges?", "TW-4417", MANUAL, 4),
    DemoQuestion("What does the code E7 on the display mean?", "clogged", MANUAL, 5),
    DemoQuestion("How many hours does a full week have?", "37", HANDBOOK, None),
    DemoQuestion("How many days of paid holiday does every employee have?", "29", HANDBOOK, None),
    DemoQuestion("How much may a hotel cost a night?", "140", HANDBOOK, None),
    DemoQuestion("How large is the learning budget of each employee?", "800", HANDBOOK, None),
    DemoQuestion("When does the gate of the depot close?", "20:00", NOTE, None),
    DemoQuestion("How much may pallets weigh at most?", "900", NOTE, None),
    DemoQuestion("Where do we meet in case of fire?", "flagpole", NOTE, None),
    DemoQuestion("In which bay are forklifts charged?", "bay 3", NOTE, None),
    DemoQuestion("How much does the Murrel 40 weigh when its tank is empty?", "31 kilograms", MANUAL, 1),
    DemoQuestion("How many litres an hour does the unit purify?", "180 litres", MANUAL, 1),
    DemoQuestion("What is the housing made of?", "aluminium", MANUAL, 1),
    DemoQuestion("How far from walls must the unit stand?", "50 centimetres", MANUAL, 2),
    DemoQuestion("What fuse does the power socket need?", "10 amperes", MANUAL, 2),
    DemoQuestion("How long do I have to rinse the unit before the first use?", "15 minutes", MANUAL, 2),
    DemoQuestion("How do I start the unit?", "green button", MANUAL, 3),
    DemoQuestion("What pressure must the incoming water have?", "2 and 6 bar", MANUAL, 3),
    DemoQuestion("At what temperature does the unit switch itself off?", "3 degrees", MANUAL, 3),
    DemoQuestion("How long does the ultraviolet lamp last?", "9,000 hours", MANUAL, 4),
    DemoQuestion("What do I clean the water tank with?", "citric acid", MANUAL, 4),
    DemoQuestion("What does the code E2 mean?", "lid is open", MANUAL, 5),
    DemoQuestion("When does the service desk answer calls?", "7:00", MANUAL, 5),
    DemoQuestion("How many days of paid holiday does an employee have?", "29 days", HANDBOOK, None),
    DemoQuestion("How many weeks of parental leave does each parent get?", "20 weeks", HANDBOOK, None),
    DemoQuestion("How much may a hotel cost a night?", "140 euros", HANDBOOK, None),
    DemoQuestion("Within how many days do I have to hand in my receipts?", "21 days", HANDBOOK, None),
    DemoQuestion("How large is the learning budget of an employee?", "800 euros", HANDBOOK, None),
    DemoQuestion("When is the core time?", "9:30", HANDBOOK, None),
    DemoQuestion("After how many years is a laptop replaced?", "four years", HANDBOOK, None),
    DemoQuestion("How many cents a kilometre do I get for my own car?", "38 cents", HANDBOOK, None),
    DemoQuestion("How much may a pallet weigh?", "900 kilograms", NOTE, None),
    DemoQuestion("Where does the key to the workshop hang?", "porter's lodge", NOTE, None),
    DemoQuestion("Who hands out new safety shoes?", "Ilse Brandt", NOTE, None),
)

LOOSER = (
    DemoQuestion("Can I work from home, and how often?", "three days", HANDBOOK, None),
    DemoQuestion("How heavy is the purifier?", "31 kilograms", MANUAL, 1),
    DemoQuestion("My display shows E7. What is wrong?", "clogged", MANUAL, 5),
    DemoQuestion("Is there a guarantee and how long is it valid?", "36 months", MANUAL, 5),
    DemoQuestion("What volume of water fits in the Murrel?", "40 litres", MANUAL, 1),
    DemoQuestion("Who do I ask for safety boots?", "Ilse Brandt", NOTE, None),
)
"""In other words than the text's."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=1, help="how often each of the demo's own questions is asked")
    options = parser.parse_args()
    answered = cited = 0
    asked = [question for question in QUESTIONS for _ in range(options.repeat)] + [*MORE, *LOOSER]
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        running = stack.enter_context(demo(Path(folder)))
        packhouse = stack.enter_context(Packhouse(running.report["connection_string"]))
        for question in asked:
            answer = packhouse.chat(question.question, knowledge="default", temperature=0.0)
            right = question.fact in answer.text
            first = answer.references[0]
            found = first.title == question.document and first.page == question.page
            answered += right
            cited += found
            if not (right and found):
                print(f"{'answer ' if not right else ''}{'reference ' if not found else ''}wrong: {question.question}")
                print(f"    {answer.text.strip()}  [{first.title}, page {first.page}]")
    print(f"{answered} of {len(asked)} answers contain the fact, {cited} of {len(asked)} cite its page first")


if __name__ == "__main__":
    main()
