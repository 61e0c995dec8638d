"""How a VPC's addresses are cut into subnets."""

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
    """Cuts the CIDR into equal blocks: a public one for each zone, then a private one for each.

    The blocks follow the order of the zones, of which there are two (so a /16 becomes four /18).
    """
    if len(zones) != 2 or zones[0] == zones[1]:
        raise ValueError(f"subnets are laid out for two zones, got {list(zones)}")
    blocks = [str(block) for block in IPv4Network(cidr).subnets(prefixlen_diff=2)]
    public, private = blocks[:2], blocks[2:]
    return tuple(
        ZoneBlocks(zone=zone, public=public[place], private=private[place]) for place, zone in enumerate(zones)
    )
