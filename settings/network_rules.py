"""Rules across the fields of the section `network`."""

from collections.abc import Iterator

from settings.limits import ZONES
from settings.sections import Network, Settings

#: Interface endpoints that tasks without an internet path need. The worker calls ECS for task protection.
BASE_ENDPOINTS = ("ecr.api", "ecr.dkr", "logs", "sqs", "ecs")
Breach = tuple[tuple[str, ...], str, object]


def breaches(s: Settings) -> Iterator[Breach]:
    """Every rule that the section breaks, in the form of settings/rules.py."""
    n = s.network
    if n.zones and not n.vpc_id and len(n.zones) != ZONES:
        yield ("network.zones",), f"a new VPC has {ZONES} zones", list(n.zones)
    if n.vpc_id and not n.subnet_ids:
        yield ("network.vpc_id", "network.subnet_ids"), "an existing VPC needs subnet_ids for the tasks", n.vpc_id
    if not n.vpc_id:
        for field, ids in (("subnet_ids", n.subnet_ids), ("security_group_ids", n.security_group_ids)):
            if ids:
                yield (f"network.{field}", "network.vpc_id"), "needs the vpc_id of an existing VPC", list(ids)
    else:
        yield from _unused_breaches(n)
    if n.nat != "instance" and "nat_instance_type" in n.model_fields_set:
        yield ("network.nat_instance_type", "network.nat"), "needs nat: instance", n.nat_instance_type
    if not n.vpc_id and n.nat != "none" and n.assign_public_ip:
        yield ("network.assign_public_ip", "network.nat"), f"with nat: {n.nat} tasks are in private subnets", True
    if not n.vpc_id and n.nat == "none" and not n.public_tasks:
        needed = dict.fromkeys(_needed_endpoints(s))
        missing = [name for name in needed if name not in n.endpoints]
        rule = f"tasks without NAT and public addresses need endpoints; missing: {', '.join(missing)}"
        if missing:
            yield ("network.endpoints", "network.nat", "network.assign_public_ip"), rule, list(n.endpoints)


def _unused_breaches(n: Network) -> Iterator[Breach]:
    """Settings of a new VPC with an existing one."""
    given: dict[str, object] = {
        "cidr": n.cidr if "cidr" in n.model_fields_set else None,
        "nat": n.nat if n.nat != "none" else None,
        "endpoints": list(n.endpoints) or None,
        "zones": list(n.zones) or None,
        "flow_log_days": n.flow_log_days,
    }
    for field, value in given.items():
        if value is not None:
            rule = f"with vpc_id no network is created: remove {field}"
            yield (f"network.{field}", "network.vpc_id"), rule, value


def _needed_endpoints(s: Settings) -> Iterator[str]:
    worker = s.worker
    yield from (name for name in BASE_ENDPOINTS if worker.protection or name != "ecs")
    for source in worker.secrets.values():
        yield "secretsmanager" if ":secretsmanager:" in source else "ssm"
    if worker.secrets_kms_key:
        yield "kms"
    if worker.exec:
        yield "ssmmessages"
    if s.jobs.events:
        yield "events"
