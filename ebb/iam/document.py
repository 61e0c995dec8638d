"""From parts of a stack to policy documents."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from ebb.errors import UserError
from ebb.iam.place import Place

#: The version of the policy language (IAM user guide, "IAM JSON policy elements: Version").
VERSION = "2012-10-17"
#: Characters without white space (IAM user guide, "IAM and AWS STS quotas"): of a managed policy, and of all inline
#: policies of a role together.
MAX_MANAGED, MAX_INLINE = 6_144, 10_240

Document = dict[str, Any]
Statement = dict[str, Any]
Condition = Mapping[str, Mapping[str, str | Sequence[str]]]


@dataclass(frozen=True, kw_only=True)
class Part:
    """Actions on the same resources, under the same condition. `sid` is the statement's id."""

    sid: str
    #: Actions: what a refresh or a preview calls, and what a deployment calls in addition.
    read: tuple[str, ...] = ()
    change: tuple[str, ...] = ()
    resources: tuple[str, ...]
    condition: Condition = field(default_factory=dict)


#: The resource of actions that have none (service authorization reference). Those without a condition become one
#: statement, limited to the stack's region.
ANY = ("*",)


def statements(allowed: Iterable[tuple[Part, tuple[str, ...]]], place: Place) -> list[Statement]:
    """One statement for each part with the actions that a role may do, and one for actions that have no resource."""
    made = []
    anywhere: set[str] = set()
    for part, actions in allowed:
        if part.resources == ANY and not part.condition:
            anywhere.update(actions)
        elif actions:
            made.append(_statement(part.sid, actions, part.resources, part.condition))
    here = {"StringEquals": {"aws:RequestedRegion": place.region}}
    return [*made, _statement("Region", tuple(anywhere), ANY, here)]


def inline(statements: Sequence[Statement]) -> Document:
    """One document, for an inline policy of a role. Raises UserError if it is too long for that."""
    document = _document(statements)
    if length(document) > MAX_INLINE:
        raise UserError(
            f"The policy has {length(document)} characters without white space, and a role's inline policies have at "
            f"most {MAX_INLINE}: use --managed."
        )
    return document


def managed(statements: Sequence[Statement]) -> list[Document]:
    """As few documents as their order allows, each for a managed policy. Raises UserError."""
    documents: list[list[Statement]] = []
    for statement in statements:
        if length(_document([statement])) > MAX_MANAGED:
            raise UserError(
                f"Statement {statement['Sid']} alone has more than the {MAX_MANAGED} characters of a managed policy: "
                "shorten the names in pulumi:autonaming, ebb:iam.path or ebb:queue.name."
            )
        if not documents or length(_document([*documents[-1], statement])) > MAX_MANAGED:
            documents.append([])
        documents[-1].append(statement)
    return [_document(each) for each in documents]


def length(document: Document) -> int:
    """Characters of the document without white space, as IAM counts them."""
    return len("".join(json.dumps(document).split()))


def _document(statements: Sequence[Statement]) -> Document:
    return {"Version": VERSION, "Statement": list(statements)}


def _statement(sid: str, actions: tuple[str, ...], resources: tuple[str, ...], condition: Condition) -> Statement:
    wildcards = [action for action in actions if "*" in action]
    kept = {a for a in actions if not any(a != wild and fnmatchcase(a, wild) for wild in wildcards)}
    statement: Statement = {"Sid": sid, "Effect": "Allow", "Action": sorted(kept), "Resource": list(resources)}
    return {**statement, "Condition": condition} if condition else statement
