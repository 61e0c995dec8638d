"""Which availability zones a new VPC has."""

from collections.abc import Collection, Mapping, Sequence

from settings.limits import ZONES

#: Zone ids that Fargate has in a region, where it has not all (ECS developer guide, "Supported Regions for Amazon ECS
#: on AWS Fargate"). An id stands for the same place in each account, a name does not.
FARGATE_ONLY = {
    "usw1": ("usw1-az1", "usw1-az3"),
    "apne1": ("apne1-az1", "apne1-az2", "apne1-az4"),
    "cnn1": ("cnn1-az1", "cnn1-az2"),
}


class ZoneError(Exception):
    """The region does not have these zones; the text is one sentence for the user."""


def has_fargate(zone_id: str) -> bool:
    """Whether Fargate runs tasks in the zone of this id."""
    return zone_id in FARGATE_ONLY.get(zone_id.partition("-")[0], (zone_id,))


def choose(ids: Mapping[str, str], wanted: Sequence[str]) -> list[str]:
    """The names of two zones: the wanted ones, given by name or id, or else the first two that Fargate has.

    `ids`: the region's zones, name -> id. Raises ZoneError.
    """
    names = {zone_id: name for name, zone_id in ids.items()}
    usable = [name for name in sorted(ids) if has_fargate(ids[name])]
    known = ", ".join(f"{name} ({ids[name]})" for name in usable)
    chosen = []
    for zone in wanted or usable[:ZONES]:
        name = names.get(zone, zone)
        if name not in ids:
            raise ZoneError(f"ebb:network.zones: {zone} is no zone of this account's region; it has {known}.")
        if name not in usable:
            raise ZoneError(f"ebb:network.zones: Fargate does not run in {name} ({ids[name]}); it runs in {known}.")
        chosen.append(name)
    if len(set(chosen)) < ZONES:
        raise ZoneError(
            f"ebb:network.zones: a VPC needs {ZONES} different zones that Fargate has, of {known or 'none'}."
        )
    return chosen


def require(setting: str, what: str, zones: Sequence[str], offered: Collection[str]) -> None:
    """Raises ZoneError if `what`, which the setting names, is not offered in one of the zones."""
    for zone in zones:
        if zone not in offered:
            known = ", ".join(sorted(offered)) or "no zone"
            raise ZoneError(
                f"ebb:network.{setting}: {what} is not offered in {zone}, but in {known}: change it, or choose the "
                "zones in ebb:network.zones."
            )
