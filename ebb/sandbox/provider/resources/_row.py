"""Rows of the resource tables, and helpers that the tables share."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from ebb.sandbox.provider.aws import Aws
from ebb.sandbox.provider.shapes import RefusedError

Props = dict[str, Any]
#: Service, operation, parameters in Pulumi's or AWS's spelling.
Call = tuple[str, str, Props]


@dataclass(frozen=True, kw_only=True)
class Tags:
    """How a service tags a resource that exists: two operations, and the parameter that names the resource."""

    service: str
    target: str
    tag: str = "tag_resource"
    untag: str = "untag_resource"
    #: The output with the target's value.
    source: str = "arn"

    def change(self, aws: Aws, outputs: Props, wanted: dict[str, str]) -> None:
        """Change the tags in `outputs` to the `wanted` ones."""
        had = outputs.get("tagsAll") or {}
        target = {self.target: [outputs["id"]] if self.service == "ec2" else outputs[self.source]}
        if gone := sorted(had.keys() - wanted.keys()):
            keys = {"tags": [{"Key": key} for key in gone]} if self.service == "ec2" else {"tagKeys": gone}
            aws.call(self.service, self.untag, **target, **keys)
        if new := {key: value for key, value in wanted.items() if had.get(key) != value}:
            aws.call(self.service, self.tag, **target, tags=new)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One resource type: its inputs, and the AWS calls that create, read, update and delete it."""

    type: str
    #: All inputs that are handled; any other one is refused by name.
    inputs: frozenset[str]
    #: Inputs -> id and computed outputs, which are merged over the inputs.
    create: Callable[[Aws, Props], tuple[str, Props]]
    #: Id and last outputs -> properties in AWS; None when the resource does not exist.
    read: Callable[[Aws, str, Props], Props | None]
    delete: Callable[[Aws, str, Props], None]
    #: Id, old outputs and new inputs -> computed outputs.
    update: Callable[[Aws, str, Props, Props], Props] | None = None
    #: The call that creates it, which a preview checks against AWS's model.
    request: Callable[[Props], Call] | None = None
    required: frozenset[str] = frozenset()
    #: Dotted paths of the inputs whose change replaces the resource.
    replaces: frozenset[str] = frozenset()
    #: Input -> the switch that makes its change replace the resource.
    replaces_if: dict[str, str] = field(default_factory=dict)
    #: Inputs that the id consists of. If none of them changes, a replacement deletes the old resource first.
    identity: frozenset[str] = frozenset()
    #: Inputs with JSON text.
    documents: frozenset[str] = frozenset()
    #: Outputs to keep secret.
    secrets: frozenset[str] = frozenset()
    #: The name that Pulumi fills in, and its maximum length.
    autoname: tuple[str, int] | None = None
    autoname_prefix: str = ""
    tags: Tags | None = None
    #: Inputs that the provider computes when all others are known.
    fill: Callable[[Props], Props] | None = None
    #: Pulumi's defaults for inputs, where AWS's differ or do not exist.
    defaults: Props = field(default_factory=dict)

    @property
    def taggable(self) -> bool:
        """Whether the provider's default tags are sent with it."""
        return self.tags is not None


def send(aws: Aws, call: Call) -> Props:
    """AWS's answer to a table's call."""
    service, operation, params = call
    return aws.call(service, operation, **params)


def deletes(service: str, operation: str, **params: str) -> Callable[[Aws, str, Props], None]:
    """A row's `delete` with one call; `params` are parameter=output, where "ids" is a list of the id.

    It does nothing when the resource does not exist.
    """

    def delete(aws: Aws, physical_id: str, outputs: Props) -> None:
        known = outputs | {"id": physical_id, "ids": [physical_id]}
        aws.find(service, operation, **{name: known[source] for name, source in params.items()})

    return delete


def changed(old: Props, new: Props, *names: str) -> bool:
    """Whether one of the named inputs differs."""
    return any(old.get(name) != new.get(name) for name in names)


def refuse_removal(old: Props, new: Props, name: str) -> None:
    """Raises RefusedError when an input is removed whose old value AWS and the real provider would keep."""
    if old.get(name) is not None and new.get(name) is None:
        raise RefusedError(f"{name} keeps its old value when it is removed: set it to the value that it should have")


def first(answer: Props | None, *path: str) -> Props | None:
    """The value under `path` in an answer, in Pulumi's spelling; of a list the first item; None if there is none.

    Without a path it is the answer itself.
    """
    found: Any = answer
    for name in path:
        found = (found or {}).get(name)
        if isinstance(found, list):
            found = found[0] if found else None
    return pulumi_names(found) if found else None


def pick(props: Props, *names: str, **renamed: str) -> Props:
    """The named properties that are set; `renamed` is new name=Pulumi's name."""
    chosen = {name: props[name] for name in names if props.get(name) is not None}
    return chosen | {new: props[name] for new, name in renamed.items() if props.get(name) is not None}


def only(props: Any, path: str, *names: str) -> Props:
    """The named properties of a nested object. Raises RefusedError when it has others."""
    if not isinstance(props, dict):
        raise RefusedError(f"{path} should be an object, got {props!r}")
    if unknown := sorted(props.keys() - set(names)):
        raise RefusedError(f"{path}.{unknown[0]} is not known to the sandbox, which knows {', '.join(names)}")
    return pick(props, *names)


def pulumi_names(value: Any) -> Any:
    """An answer of AWS in Pulumi's spelling: each name begins in lower case."""
    if isinstance(value, dict):
        return {name[:1].lower() + name[1:]: pulumi_names(item) for name, item in value.items()}
    if isinstance(value, list):
        return [pulumi_names(item) for item in value]
    return value


def tag_map(tags: Iterable[Props] | dict[str, str] | None) -> dict[str, str]:
    """Tags as a map, from any form that a service answers in."""
    if tags is None or isinstance(tags, dict):
        return dict(tags or {})
    return dict(tuple(_key_first(tag).values()) for tag in tags)


def _key_first(tag: Props) -> Props:
    return {name: tag[name] for name in sorted(tag) if name.lower() in ("key", "value", "tagkey", "tagvalue")}
