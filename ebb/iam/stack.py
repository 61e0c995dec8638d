"""What a stack's policies follow from, read from its file."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import settings
from ebb import project
from ebb.errors import UserError
from ebb.iam.names import Names
from ebb.iam.place import Place
from ebb.iam.state import DEFAULT_PROVIDER, State


@dataclass(frozen=True, kw_only=True)
class Stack:
    """A stack's settings, names, place and state."""

    settings: settings.Settings
    names: Names
    place: Place
    state: State


def configured(
    name: str, config: Mapping[str, Any], place: Place, *, bucket: str | None = None, provider: str | None = None
) -> Stack:
    """The stack of a configuration by full key. `provider`: its `secretsprovider`. Raises UserError."""
    chosen = project.read_settings(config)
    location = settings.Location(partition=place.partition, region=place.region, account=place.account)
    try:
        settings.check_location(chosen, location)
    except settings.SettingsError as error:
        raise project.refused(error) from None
    return Stack(
        settings=chosen,
        names=Names(project=settings.PROJECT, stack=name, config=config),
        place=place,
        state=State(
            bucket=bucket or f"ebb-state-{place.account}",
            provider=DEFAULT_PROVIDER.format(stack=name) if provider is None else provider,
        ),
    )


def region(name: str, config: Mapping[str, Any], environment: Mapping[str, str]) -> str:
    """The region in a stack's configuration, or else in the environment, as Pulumi's provider takes it.

    Raises UserError.
    """
    given = (config.get("aws:region"), environment.get("AWS_REGION"), environment.get("AWS_DEFAULT_REGION"))
    found = next((str(value) for value in given if value), None)
    if found is None:
        raise UserError(f"Stack {name} has no region: set aws:region in Pulumi.{name}.yaml, or AWS_REGION.")
    return found


def allowed_account(name: str, config: Mapping[str, Any], account: str | None) -> str | None:
    """The account, or else the only one in aws:allowedAccountIds. Raises UserError if the stack refuses the account."""
    allowed = project.parsed(config.get("aws:allowedAccountIds"))
    if not isinstance(allowed, list) or not allowed:
        return account
    if account is None:
        return str(allowed[0]) if len(allowed) == 1 else None
    if account not in map(str, allowed):
        raise UserError(
            f"Stack {name} is not for account {account}: its aws:allowedAccountIds has {', '.join(map(str, allowed))}."
        )
    return account
