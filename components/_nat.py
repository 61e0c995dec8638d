"""The NAT instance's CPU architecture, and the script that it runs at its first boot."""

import re
from typing import Literal

_GENERATION = re.compile(r"[a-z]+\d+(?P<attributes>[a-z]*)")


def architecture(instance_type: str) -> Literal["arm64", "x86_64"]:
    """The CPU of an EC2 instance type.

    Graviton types have a "g" after the generation (t4g, m7gd, c7gn; EC2 user guide, "Instance type naming"). Only the
    first Graviton type, a1, does not.
    """
    family = instance_type.split(".", maxsplit=1)[0]
    named = _GENERATION.match(family)
    graviton = family == "a1" or (named is not None and "g" in named["attributes"])
    return "arm64" if graviton else "x86_64"


def user_data(cidr: str) -> str:
    """A shell script for Amazon Linux 2023: masquerades traffic from the CIDR to other addresses.

    The rules name no interface, because its name depends on the instance family. The package can be downloaded only
    after the elastic address is attached, so the script tries in a loop.
    """
    return f"""#!/bin/bash
set -eu
echo 'net.ipv4.ip_forward = 1' > /etc/sysctl.d/90-nat.conf
sysctl -p /etc/sysctl.d/90-nat.conf
until dnf install --assumeyes nftables; do sleep 5; done
cat > /etc/sysconfig/nftables.conf <<'RULES'
flush ruleset
table ip nat {{
  chain postrouting {{
    type nat hook postrouting priority srcnat
    ip saddr {cidr} ip daddr != {cidr} masquerade
  }}
}}
RULES
systemctl enable --now nftables
"""
