"""Which connector this is; every call says so, and an operator may refuse the old ones."""

VERSION = "0.1.0"

HEADER = "x-packhouse-connector"
"""The header that carries `NAME_AND_VERSION`."""

NAME_AND_VERSION = f"python/{VERSION}"
