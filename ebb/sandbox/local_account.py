"""A stack's configuration for the sandbox's own account and credentials."""

from collections.abc import Mapping
from typing import Any

from botocore.session import Session

_TAGS, _REGION, _ALLOWED = "aws:defaultTags", "aws:region", "aws:allowedAccountIds"
#: The sandbox's account.
ACCOUNT = "000000000000"
#: The region of stacks that name none, or one of another partition: the emulators have ARNs of the partition `aws`.
DEFAULT_REGION = "us-east-1"


def region_of(config: Mapping[str, Any]) -> str:
    """The sandbox's region for a configuration by full key."""
    region = config.get(_REGION)
    known = Session().get_available_regions("ec2", "aws", allow_non_regional=True)
    return str(region) if region in known else DEFAULT_REGION


def localize(config: Mapping[str, Any], region: str) -> dict[str, Any]:
    """The configuration with this region, and of the provider's other settings the tags alone.

    The others name an account, a profile, a role or a way to AWS: a stack for any of them can be tried in the sandbox.
    """
    provider = {_REGION: region} | ({_TAGS: config[_TAGS]} if _TAGS in config else {})
    return {key: value for key, value in config.items() if not key.startswith("aws:")} | provider


def set_aside(config: Mapping[str, Any]) -> list[str]:
    """The keys that `localize` does not take over as they are, for the region of `region_of`."""
    given = {key for key in config if key.startswith("aws:")} - {_TAGS}
    if ACCOUNT in (config.get(_ALLOWED) or ()):
        given.discard(_ALLOWED)
    return sorted(given - {_REGION} if config.get(_REGION) == region_of(config) else given)
