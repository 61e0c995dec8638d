"""Checks inputs before AWS is called: adds names, tags and defaults, and refuses inputs that no table handles."""

import hashlib
import json
import os
from collections.abc import Iterator
from typing import Any

from ebb.sandbox.provider.aws import Aws
from ebb.sandbox.provider.diff import DEFAULTED
from ebb.sandbox.provider.resources import Row
from ebb.sandbox.provider.shapes import UNKNOWN, RefusedError

Props = dict[str, Any]
#: A property and what is wrong with it.
Problem = tuple[str, str]

#: Hexadecimal digits that Pulumi adds to a name, and that Terraform adds to a prefix.
_SUFFIX_DIGITS = 7
_PREFIX_DIGITS = 26
_FILTERS = ("allowedAccountIds", "forbiddenAccountIds")
#: Settings of the real provider that do nothing for an account on this machine.
_IGNORED = frozenset(
    {
        "accessKey", "secretKey", "token", "profile", "maxRetries", "retryMode", "version", "pluginDownloadURL",
        "skipCredentialsValidation", "skipMetadataApiCheck", "skipRegionValidation", "skipRequestingAccountId",
    }
)  # fmt: skip


def configuration(aws: Aws, config: Props) -> Iterator[Problem]:
    """Problems of the stack's `aws:` settings."""
    if config.get("region") not in (None, UNKNOWN, aws.region):
        yield "region", f"the sandbox is {aws.region}, and aws:region is {config['region']}"
    allowed, forbidden = (_parsed(config.get(name)) or [] for name in _FILTERS)
    if (allowed and aws.account not in allowed) or aws.account in forbidden:
        yield (
            "allowedAccountIds" if allowed else "forbiddenAccountIds",
            f"does not allow the sandbox's account {aws.account}",
        )
    for name in sorted(config.keys() - {"region", "defaultTags", *_FILTERS, *_IGNORED}):
        yield name, "the sandbox's provider has no such setting"


def default_tags(config: Props) -> dict[str, str]:
    """The tags of every taggable resource. Raises RefusedError when the setting is not {"tags": {…}}."""
    tags = _parsed(config.get("defaultTags")) or {}
    if not isinstance(tags, dict) or tags.keys() - {"tags"}:
        raise RefusedError('aws:defaultTags should be {"tags": {…}}')
    return {str(name): str(value) for name, value in (tags.get("tags") or {}).items()}


def fill(row: Row, name: str, seed: bytes, *, old: Props, new: Props, tags: dict[str, str]) -> Props:
    """The inputs with the provider's additions: defaults, the name and all tags."""
    inputs = {**row.defaults, **{key: value for key, value in new.items() if key not in (DEFAULTED, "tagsAll")}}
    if row.autoname and inputs.get(row.autoname[0]) is None:
        key, maximum = row.autoname
        made = old.get(key) if key in old.get(DEFAULTED, ()) and _same_prefix(old, inputs) else None
        inputs |= {key: made or _name(row, name, seed, inputs, maximum), DEFAULTED: [key]}
    if row.tags and (tags or inputs.get("tags")):
        own = inputs.get("tags") or {}
        inputs["tagsAll"] = own if own == UNKNOWN else {**tags, **own}
    if row.fill and UNKNOWN not in json.dumps(inputs):
        inputs |= row.fill(inputs)
    return inputs


def problems(aws: Aws, row: Row, inputs: Props) -> Iterator[Problem]:
    """Problems of the inputs by the tables and by AWS's models. Unknown values are taken as valid."""
    taken = row.inputs | {DEFAULTED, "tagsAll", "region"}
    found = [(name, f"the sandbox does not handle {name} of {row.type}") for name in sorted(inputs.keys() - taken)]
    found += [(name, f"{name} is required") for name in sorted(row.required) if inputs.get(name) is None]
    if "region" not in row.inputs and inputs.get("region") not in (None, aws.region):
        found.append(("region", f"the sandbox is {aws.region}"))
    for name in sorted(row.documents & inputs.keys()):
        try:
            json.loads(inputs[name] if UNKNOWN not in inputs[name] else "{}")
        except ValueError as error:
            found.append((name, f"{name} is not JSON: {error}"))
    yield from found
    if row.request and not found:
        try:
            aws.check(*row.request(inputs))
        except RefusedError as error:
            yield "", str(error)


def arguments(aws: Aws, token: str, known: frozenset[str], args: Props) -> None:
    """Raises RefusedError for an argument of a data source that the table does not handle."""
    if unknown := sorted(args.keys() - known - {"region"}):
        raise RefusedError(f"the sandbox does not handle {unknown[0]} of {token}")
    if args.get("region") not in (None, aws.region):
        raise RefusedError(f"the sandbox is {aws.region}, and {token} asks for {args['region']}")


def read(row: Row, aws: Aws, physical_id: str, outputs: Props) -> Props | None:
    """The resource's properties in AWS, without AWS's own tags; None when it does not exist."""
    try:
        seen = row.read(aws, physical_id, outputs)
    except KeyError as error:
        raise RefusedError(f"{row.type} cannot be found by its id alone: {error.args[0]} is needed as well") from None
    if seen and row.tags and "tagsAll" in seen:
        tags = {name: value for name, value in seen["tagsAll"].items() if not name.startswith("aws:")}
        seen = {**seen, "tags": tags, "tagsAll": tags}
    return seen


def update(row: Row, aws: Aws, physical_id: str, old: Props, new: Props) -> Props:
    """Changes the resource in place. Returns the outputs that changed with it."""
    computed: Props = {}
    same = all(old.get(name) == new.get(name) for name in row.inputs - {"tags"})
    if row.update and not same:
        computed = row.update(aws, physical_id, old, new)
    if row.tags:
        row.tags.change(aws, old | {"id": physical_id}, new.get("tagsAll") or {})
    return computed


def _name(row: Row, logical: str, seed: bytes, inputs: Props, maximum: int) -> str:
    digits = hashlib.sha256(seed or os.urandom(32)).hexdigest()
    if inputs.get("namePrefix"):
        return f"{inputs['namePrefix']}{digits[:_PREFIX_DIGITS]}"
    end = f"-{digits[:_SUFFIX_DIGITS]}" + (".fifo" if inputs.get("fifoQueue") or inputs.get("fifoTopic") else "")
    start = f"{row.autoname_prefix}{logical}"
    return start[: maximum - len(end)] + end


def _same_prefix(old: Props, new: Props) -> bool:
    kinds = ("namePrefix", "fifoQueue", "fifoTopic")
    return all(old.get(name) == new.get(name) for name in kinds)


def _parsed(value: Any) -> Any:
    """A setting, which the engine may pass as JSON text."""
    return json.loads(value) if isinstance(value, str) and value[:1] in ("[", "{") else value
