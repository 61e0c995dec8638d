"""Policies of stacks by their settings."""

from collections.abc import Mapping
from typing import Any

from ebb.iam import deployer as deployers
from ebb.iam import document
from ebb.iam import preview as previews
from ebb.iam.place import Place
from ebb.iam.stack import Stack, configured

ACCOUNT, REGION = "123456789012", "us-east-1"


def stack(config: Mapping[str, Any] | None = None, **more: Any) -> Stack:
    """The stack dev of a configuration by full key; `more`: its place, its state."""
    place = Place(account=more.pop("account", ACCOUNT), region=more.pop("region", REGION))
    return configured(more.pop("name", "dev"), config or {}, place, **more)


def deployer(config: Mapping[str, Any] | None = None, **more: Any) -> document.Document:
    """The deployer's policy."""
    return {"Version": document.VERSION, "Statement": deployers.deployer(stack(config, **more))}


def preview(config: Mapping[str, Any] | None = None, **more: Any) -> document.Document:
    """The preview role's policy."""
    return {"Version": document.VERSION, "Statement": previews.preview(stack(config, **more))}
