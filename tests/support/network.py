"""The network is off in tests: only this machine's loopback and Unix sockets answer."""

import ipaddress
import sys
from typing import cast

_NAMES = frozenset({"", "localhost", "ip6-localhost"})


class NetworkIsOff(RuntimeError):
    """A test tried to reach another machine."""


def is_loopback(host: object) -> bool:
    """Whether `host`, as it is handed to the socket layer, is this machine and no other."""
    if host is None:
        return True
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
    if name in _NAMES:
        return True
    try:
        return ipaddress.ip_address(name.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event in ("socket.connect", "socket.sendto") and isinstance(arguments[1], tuple):
        host = cast("tuple[object, ...]", arguments[1])[0]
    else:
        return
    if not is_loopback(host):
        raise NetworkIsOff(f"{event} {host!r}: tests reach nothing but this machine")


def switch_off() -> None:
    """From now on this process opens no connection to another machine. There is no way back."""
    sys.addaudithook(_watch)
