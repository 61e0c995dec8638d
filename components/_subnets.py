"""Divides a VPC's addresses into subnets."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network


@dataclass(frozen=True, kw_only=True)
class ZoneBlocks:
    """The address blocks of one availability zone."""

    zone: str
    public: str
    private: str


def cut(cidr: str, zones: Sequence[str]) -> tuple[ZoneBlocks, ...]:
    """Divides the CIDR into four equal blocks: a public block for each of two zones, then a private block for each.

    A /16 becomes four /18. Blocks follow the order of the zones. Raises ValueError unless there are two zones.
    """
    if len(zones) != 2 or zones[0] == zones[1]:
        raise ValueError(f"subnets need two different zones, got {list(zones)}")
    blocks = [str(block) for block in IPv4Network(cidr).subnets(prefixlen_diff=2)]
    public, private = blocks[:2], blocks[2:]
    return tuple(
        ZoneBlocks(zone=zone, public=public[place], private=private[place]) for place, zone in enumerate(zones)
    )
