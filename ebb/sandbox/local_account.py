"""A stack's configuration for the sandbox's own account and credentials."""

import re
from collections.abc import Mapping
from typing import Any

import settings
from ebb.errors import UserError
from ebb.sandbox.emulators.regions import partition_of

_TAGS, _REGION, _ALLOWED = "aws:defaultTags", "aws:region", "aws:allowedAccountIds"
#: The sandbox's account.
ACCOUNT = "000000000000"
_ARN = re.compile(r"arn:aws[a-z-]*:[^:]*:[^:]*:[^:]*:.")
#: The region of stacks that name none.
DEFAULT_REGION = "us-east-1"


def region_of(config: Mapping[str, Any]) -> str:
    """The sandbox's region for a configuration by full key."""
    return str(config.get(_REGION) or DEFAULT_REGION)


def check_location(config: Mapping[str, Any], chosen: settings.Settings) -> None:
    """Refuses a region that does not exist, and ARNs that cannot work in the stack's own one. Raises UserError.

    The stack's account is unknown here: it is that of an ARN which must be of it.
    """
    region = config.get(_REGION)
    if not region:
        return
    partition = partition_of(str(region))
    if not partition:
        raise UserError(f"aws:region: AWS has no region {region!r}: give one such as {DEFAULT_REGION}.")
    arns = [arn for arn in (chosen.worker.cluster, chosen.iam.permissions_boundary) if arn and _ARN.match(arn)]
    accounts = [arn.split(":")[4] for arn in arns if ":iam::aws:" not in arn]
    here = settings.Location(partition=partition, region=str(region), account=accounts[0] if accounts else ACCOUNT)
    try:
        settings.check_location(chosen, here)
    except settings.SettingsError as error:
        raise UserError(str(error)) from None


def localize(config: Mapping[str, Any], region: str) -> dict[str, Any]:
    """The configuration with this region, and of the provider's other settings the tags alone.

    The others name an account, a profile, a role or a way to AWS. A stack for any of them runs in the sandbox.
    ARNs in the settings have the sandbox's partition, region and account, because no others exist in it.
    """
    provider = {_REGION: region} | ({_TAGS: config[_TAGS]} if _TAGS in config else {})
    return _settings(config, region) | provider


def ignored(config: Mapping[str, Any]) -> list[str]:
    """What `localize` does not take over as it is, for the region of `region_of`."""
    given = {key for key in config if key.startswith("aws:")} - {_TAGS, _REGION}
    if ACCOUNT in (config.get(_ALLOWED) or ()):
        given.discard(_ALLOWED)
    others = {key: value for key, value in config.items() if not key.startswith("aws:")}
    arns = [] if _settings(config, region_of(config)) == others else ["the partition and account of ARNs"]
    return sorted(given) + arns


def _settings(config: Mapping[str, Any], region: str) -> dict[str, Any]:
    """The configuration without the provider's, and its ARNs as the sandbox has them."""
    own = str(config.get(_REGION, region))
    return {key: _local(value, own, region) for key, value in config.items() if not key.startswith("aws:")}


def _local(value: Any, own: str, region: str) -> Any:
    """A setting with local ARNs. A region other than the stack's `own` one stays another one."""
    match value:
        case Mapping():
            return {name: _local(item, own, region) for name, item in value.items()}
        case list():
            return [_local(item, own, region) for item in value]
        case str() if _ARN.match(value):
            arn, _, service, where, account, resource = value.split(":", 5)
            place = region if where == own else where
            return ":".join((arn, "aws", service, place, ACCOUNT if account.isdigit() else account, resource))
    return value
