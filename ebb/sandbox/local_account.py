"""A stack's configuration for the sandbox's own account and region."""

from collections.abc import Mapping
from typing import Any

_TAGS, _REGION = "aws:defaultTags", "aws:region"


def localize(config: Mapping[str, Any], region: str) -> dict[str, Any]:
    """The configuration (by full key) with the sandbox's region, and of the provider's other settings the tags alone.

    The others name an account, a profile or a way to AWS: a stack for any of them can be tried in the sandbox.
    """
    provider = {_REGION: region} | ({_TAGS: config[_TAGS]} if _TAGS in config else {})
    return {key: value for key, value in config.items() if not key.startswith("aws:")} | provider
