"""A stack's configuration for the sandbox's own account and region."""

import re
from collections.abc import Mapping
from typing import Any

#: No account of AWS has this id.
SANDBOX_ACCOUNT = "000000000000"
_TAGS, _REGION = "aws:defaultTags", "aws:region"


def localize(config: Mapping[str, Any], region: str) -> dict[str, Any]:
    """The configuration (by full key) with the sandbox's region, and of the provider's other settings the tags alone.

    The others name an account, a profile or a way to AWS: a stack for any of them can be tried in the sandbox.
    """
    provider = {_REGION: region} | ({_TAGS: config[_TAGS]} if _TAGS in config else {})
    local = {key: value for key, value in config.items() if not key.startswith("aws:")} | provider
    boundary = config.get("ebb:iam", {}).get("permissions_boundary")
    if isinstance(boundary, str):
        account = re.sub(r":iam::[0-9]{12}:", f":iam::{SANDBOX_ACCOUNT}:", boundary)
        local["ebb:iam"] = {**config["ebb:iam"], "permissions_boundary": account}
    return local
