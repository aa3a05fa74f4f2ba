"""Where webhooks may go: pure rules about URLs and addresses. No I/O: names are resolved by who sends.

The blocks are those of the IANA special-purpose address registries (RFC 6890), written out, because what a Python
release takes for global changes with the release; and what clouds serve their machines' metadata from.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address
from typing import Final

LONGEST_URL: Final = 2_000


class InvalidDestination(ValueError):  # noqa: N818 - nothing has failed: the URL is none that webhooks go to
    """A URL that no webhook is sent to; its text is a sentence for whoever wrote it."""


@dataclass(frozen=True, slots=True)
class Destination:
    """The parts of a URL: `host` in lower case and without brackets, `target` with its query."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """What the header `Host` says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def destination(url: str, internal_hosts: Collection[str]) -> Destination:
    """Return the parts of a URL; raises InvalidDestination.

    Only hosts of `internal_hosts` may be written as internal addresses, and spoken to without TLS. Whether a name leads
    to an internal address is known when it is resolved, at each attempt.
    """
    found = _URL.fullmatch(url)
    if len(url) > LONGEST_URL or found is None:
        raise InvalidDestination(
            f"A URL is written as `https://host/path`, in ASCII, with at most {LONGEST_URL} characters, without user, "
            "password or fragment"
        )
    scheme, host = found["scheme"].lower(), found["host"].lower().strip("[]")
    port = int(found["port"]) if found["port"] else _PORTS[scheme]
    if not 0 < port < 65536:
        raise InvalidDestination("The port is between 1 and 65535")
    target = found["target"] or "/"
    part = Destination(scheme, host, port, target if target.startswith("/") else f"/{target}")
    if host in internal_hosts:
        return part
    if scheme != "https":
        raise InvalidDestination("Webhooks are sent by https")
    _require_a_name_or_a_public_address(host)
    return part


def is_public(address: str) -> bool:
    """Return whether an address is one of the public Internet; what is not understood is not."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv4Address):
        return _is_public_4(parsed)
    if parsed in _NAT64:
        # What a network without IPv4 of its own makes of every IPv4 address (RFC 6052).
        return _is_public_4(IPv4Address(int(parsed) & 0xFFFFFFFF))
    return parsed in _GLOBAL_UNICAST and not any(parsed in network for network in _SPECIAL_6)


def _require_a_name_or_a_public_address(host: str) -> None:
    last = host.rpartition(".")[2]
    # What a resolver takes for an IPv4 address: 127.1, 2130706433, 0x7f000001, 0177.0.0.1.
    looks_like_a_number = ":" in host or last.isdigit() or re.fullmatch(r"0x[0-9a-f]*", last) is not None
    if looks_like_a_number:
        try:
            ip_address(host)
        except ValueError:
            raise InvalidDestination("The host is a number, and no IP address as it is usually written") from None
        if not is_public(host):
            raise InvalidDestination("Webhooks are not sent to internal addresses")
    elif not _NAME.fullmatch(host) or len(host) > 253:
        raise InvalidDestination("The host is no name of a host")
    elif "." not in host or last in _INTERNAL_NAMES:
        raise InvalidDestination("Webhooks are not sent to internal hosts")


def _is_public_4(address: IPv4Address) -> bool:
    return not any(address in network for network in _SPECIAL_4)


_PORTS: Final = {"https": 443, "http": 80}

_URL: Final = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<target>[/?](?:[!$&-;=?-Z_a-z~]|%[0-9a-f]{2})*)?",
    re.ASCII | re.IGNORECASE,
)
"""Strict, and the only reader of a URL: where two read one differently, they connect to different hosts."""

_NAME: Final = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")

_INTERNAL_NAMES: Final = frozenset({"localhost", "local", "internal", "lan", "home", "corp", "intranet"})
"""Ends of names that are no one's on the Internet: refused at once, instead of at each attempt."""

_SPECIAL_4: Final = tuple(
    IPv4Network(one)
    for one in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # behind a provider's NAT; the metadata of one cloud
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # the metadata of one cloud, on a public address
        "169.254.0.0/16",  # link-local, and with it the metadata of most clouds
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)

_NAT64: Final = IPv6Network("64:ff9b::/96")

_GLOBAL_UNICAST: Final = IPv6Network("2000::/3")
"""All else is loopback, link-local, unique local, multicast, IPv4-mapped or in nobody's use."""

_SPECIAL_6: Final = tuple(
    IPv6Network(one)
    for one in (
        "2001::/23",  # protocol assignments, Teredo among them
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, which carries any IPv4 address
        "3fff::/20",  # documentation
    )
)
