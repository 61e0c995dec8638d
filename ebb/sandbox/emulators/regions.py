"""The regions of AWS, as botocore's data has them."""

import functools

from botocore.session import Session


@functools.cache
def regions() -> dict[str, frozenset[str]]:
    """The codes of each partition's regions. `Session.get_available_regions` reads a service's model, which is slow."""
    partitions = Session().get_component("data_loader").load_data("partitions")["partitions"]
    return {each["id"]: frozenset(name for name in each["regions"] if "global" not in name) for each in partitions}


def partition_of(region: str) -> str | None:
    """The partition of a region; None if AWS has no such region."""
    return next((partition for partition, codes in regions().items() if region in codes), None)
