"""What a resource table is made of."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from ebb.sandbox.provider.aws import Aws
from ebb.sandbox.provider.shapes import RefusedError

Props = dict[str, Any]
Call = tuple[str, str, Props]  # service, operation, parameters in Pulumi's or AWS's spelling


@dataclass(frozen=True, kw_only=True)
class Tags:
    """How a service tags what exists: the two operations, and the parameter that names the thing."""

    service: str
    target: str
    tag: str = "tag_resource"
    untag: str = "untag_resource"
    source: str = "arn"  # the output that holds the target
    kept: bool = True  # whether the emulator has these operations; if not, they are checked and not sent

    def change(self, aws: Aws, outputs: Props, wanted: dict[str, str]) -> None:
        """Sets what `wanted` adds or changes to the tags in `outputs`, and removes what it has no longer."""
        had = outputs.get("tagsAll") or {}
        send = aws.call if self.kept else lambda service, operation, **params: aws.check(service, operation, params)
        target = {self.target: [outputs["id"]] if self.service == "ec2" else outputs[self.source]}
        if gone := sorted(had.keys() - wanted.keys()):
            keys = {"tags": [{"Key": key} for key in gone]} if self.service == "ec2" else {"tagKeys": gone}
            send(self.service, self.untag, **target, **keys)
        if new := {key: value for key, value in wanted.items() if had.get(key) != value}:
            send(self.service, self.tag, **target, tags=new)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One resource type: what it takes, and the AWS calls that make, show, change and remove it."""

    type: str
    inputs: frozenset[str]  # every input handled; any other is refused by name
    create: Callable[[Aws, Props], tuple[str, Props]]  # inputs -> id, computed outputs (merged over the inputs)
    read: Callable[[Aws, str, Props], Props | None]  # id, last outputs -> what AWS shows of it; None when gone
    delete: Callable[[Aws, str, Props], None]
    update: Callable[[Aws, str, Props, Props], Props] | None = None  # id, old outputs, new inputs -> computed outputs
    request: Callable[[Props], Call] | None = None  # the call that creates it, checked against AWS's model in preview
    required: frozenset[str] = frozenset()
    replaces: frozenset[str] = frozenset()  # dotted paths
    replaces_if: dict[str, str] = field(default_factory=dict)  # input -> the switch that makes its change replace
    identity: frozenset[str] = (
        frozenset()
    )  # inputs that its id is made of: replaced with none of them changed, the old goes first
    documents: frozenset[str] = frozenset()  # inputs that hold JSON text
    secrets: frozenset[str] = frozenset()  # outputs to be kept secret
    autoname: tuple[str, int] | None = None  # input that Pulumi fills in, and its longest length
    autoname_prefix: str = ""
    tags: Tags | None = None
    fill: Callable[[Props], Props] | None = None  # inputs that the provider works out itself, once all others are known
    defaults: Props = field(
        default_factory=dict
    )  # Pulumi's default for an input that is not set, where AWS has another or none

    @property
    def taggable(self) -> bool:
        """Whether the provider's default tags are sent with it."""
        return self.tags is not None


def send(aws: Aws, call: Call) -> Props:
    """AWS's answer to a call that a table composed."""
    service, operation, params = call
    return aws.call(service, operation, **params)


def deletes(service: str, operation: str, **params: str) -> Callable[[Aws, str, Props], None]:
    """A `delete` of one call; `params` are parameter = output ("id", "ids": the id, a list of it).

    What is gone already is left alone.
    """

    def delete(aws: Aws, physical_id: str, outputs: Props) -> None:
        known = outputs | {"id": physical_id, "ids": [physical_id]}
        aws.find(service, operation, **{name: known[source] for name, source in params.items()})

    return delete


def changed(old: Props, new: Props, *names: str) -> bool:
    """Whether one of the named inputs differs."""
    return any(old.get(name) != new.get(name) for name in names)


def refuse_removal(old: Props, new: Props, name: str) -> None:
    """Raises RefusedError when the input is taken away and both AWS and the real provider would keep what it was."""
    if old.get(name) is not None and new.get(name) is None:
        raise RefusedError(f"{name} stays as it is when it is left out: set it to what it should be")


def first(answer: Props | None, *path: str) -> Props | None:
    """What lies under `path` in an answer (of a list the first item), in Pulumi's spelling; None when nothing does."""
    found: Any = answer
    for name in path:
        found = (found or {}).get(name)
        if isinstance(found, list):
            found = found[0] if found else None
    return pulumi_names(found) if found else None


def pick(props: Props, *names: str, **renamed: str) -> Props:
    """The named properties that are set; `renamed` is new name = Pulumi's name."""
    chosen = {name: props[name] for name in names if props.get(name) is not None}
    return chosen | {new: props[name] for new, name in renamed.items() if props.get(name) is not None}


def only(props: Any, path: str, *names: str) -> Props:
    """The properties of a nested object that a table takes apart itself. Raises RefusedError for any but the named."""
    if not isinstance(props, dict):
        raise RefusedError(f"{path} should be an object, got {props!r}")
    if unknown := sorted(props.keys() - set(names)):
        raise RefusedError(f"{path}.{unknown[0]} is not known to the sandbox, which knows {', '.join(names)}")
    return pick(props, *names)


def pulumi_names(value: Any) -> Any:
    """An answer of AWS in Pulumi's spelling: each name with a small first letter."""
    if isinstance(value, dict):
        return {name[:1].lower() + name[1:]: pulumi_names(item) for name, item in value.items()}
    if isinstance(value, list):
        return [pulumi_names(item) for item in value]
    return value


def tag_map(tags: Iterable[Props] | dict[str, str] | None) -> dict[str, str]:
    """Tags as a map, from whichever of its forms the service answers in."""
    if tags is None or isinstance(tags, dict):
        return dict(tags or {})
    return dict(tuple(_key_first(tag).values()) for tag in tags)


def _key_first(tag: Props) -> Props:
    return {name: tag[name] for name in sorted(tag) if name.lower() in ("key", "value", "tagkey", "tagvalue")}
