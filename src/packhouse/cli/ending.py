"""How a command ends that does not succeed."""

REFUSED = 1
WRONG_CALL = 2
UNREACHABLE = 3


class Ended(Exception):
    """`message` is a sentence for a person, or the error as JSON for a program that asked for JSON."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.message = message
        self.exit_code = exit_code
