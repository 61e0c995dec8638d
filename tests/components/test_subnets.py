from ipaddress import IPv4Network
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components._nat import architecture, user_data
from components._subnets import ZoneBlocks, cut

ZONES = ("us-east-1a", "us-east-1b")
networks = st.builds(
    lambda address, prefix: str(IPv4Network((address, prefix), strict=False)),
    st.integers(0, 2**32 - 1),
    st.integers(16, 26),
)


def test_a_16_is_divided_into_four_18() -> None:
    assert cut("10.0.0.0/16", ZONES) == (
        ZoneBlocks(zone="us-east-1a", public="10.0.0.0/18", private="10.0.128.0/18"),
        ZoneBlocks(zone="us-east-1b", public="10.0.64.0/18", private="10.0.192.0/18"),
    )


@given(networks)
def test_the_blocks_fill_the_network_without_overlaps(cidr: str) -> None:
    blocks = [IPv4Network(text) for zone in cut(cidr, ZONES) for text in (zone.public, zone.private)]
    assert sum(block.num_addresses for block in blocks) == IPv4Network(cidr).num_addresses
    assert all(block.subnet_of(IPv4Network(cidr)) for block in blocks)
    assert not any(one.overlaps(other) for one, other in combinations(blocks, 2))


@given(networks)
def test_no_block_is_smaller_than_aws_allows(cidr: str) -> None:
    assert all(IPv4Network(zone.private).prefixlen <= 28 for zone in cut(cidr, ZONES))


@pytest.mark.parametrize("zones", [(), ("a",), ("a", "a"), ("a", "b", "c")])
def test_other_numbers_of_zones_are_refused(zones: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="subnets need two different zones"):
        cut("10.0.0.0/16", zones)


@pytest.mark.parametrize(
    "instance_type", ["t4g.nano", "m6g.medium", "c7gn.large", "m7gd.large", "x2gd.medium", "g5g.xlarge", "a1.medium"]
)
def test_graviton_types_have_the_arm_architecture(instance_type: str) -> None:
    assert architecture(instance_type) == "arm64"


@pytest.mark.parametrize(
    "instance_type",
    ["t3.nano", "t3a.nano", "t2.micro", "g4dn.xlarge", "g5.xlarge", "m7i-flex.large", "c5n.large", "u-6tb1.metal"],
)
def test_other_types_have_the_x86_architecture(instance_type: str) -> None:
    assert architecture(instance_type) == "x86_64"


def test_the_nat_script_masquerades_traffic_that_leaves_the_network() -> None:
    script = user_data("10.1.0.0/16")
    assert script.startswith("#!/bin/bash\n")
    assert "    ip saddr 10.1.0.0/16 ip daddr != 10.1.0.0/16 masquerade\n" in script
    assert "net.ipv4.ip_forward = 1" in script
    assert "\nsysctl -p /etc/sysctl.d/90-nat.conf\n" in script  # --system would fail on a wrong key of another file
    assert script.endswith("systemctl enable --now nftables\n")
