"""The physical names that Pulumi gives to resources, as patterns of IAM.

By default a name is the logical one with a random end. The setting `pulumi:autonaming` changes that (Pulumi
documentation, "Autonaming configuration").
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ebb import project
from ebb.errors import UserError

#: Random texts, such as ${hex(7)}, and what is not in the stack's file, such as ${organization}.
_UNKNOWN = re.compile(r"\$\{[^}]*\}")


@dataclass(frozen=True, kw_only=True)
class Names:
    """The names in one stack. `config`: the stack's configuration by full key."""

    project: str
    stack: str
    config: Mapping[str, Any] = field(default_factory=dict)

    def of(self, kind: str, *logical: str) -> tuple[str, ...]:
        """The patterns of resources of a Pulumi type, such as aws:sqs/queue:Queue, by their logical names.

        Raises UserError.
        """
        return tuple(self._pattern(kind, name) for name in logical)

    def shared_with_other_stacks(self, kind: str) -> bool:
        """Whether another stack of this configuration would have the same patterns."""
        other = replace(self, stack=f"{self.stack}-2")
        return self.of(kind, "x") == other.of(kind, "x")

    def _pattern(self, kind: str, name: str) -> str:
        rule = next((rule for rule in self._rules(kind) if rule.keys() & {"mode", "pattern"}), {})
        match rule.get("mode", "default"):
            case _ if "pattern" in rule:
                return self._filled(str(rule["pattern"]), name)
            case "default":
                return f"{name}-*"
            case "verbatim":
                return name
            case mode:
                raise UserError(
                    f"pulumi:autonaming: with mode {mode} {kind} {name} has no name that Ebb knows; use a pattern, "
                    "verbatim or default."
                )

    def _rules(self, kind: str) -> Iterator[Mapping[str, Any]]:
        """The rules that can apply to a type, the most specific one first."""
        root = _mapping(project.parsed(self.config.get("pulumi:autonaming")))
        provider = _mapping(_mapping(root.get("providers")).get(kind.partition(":")[0]))
        yield _mapping(_mapping(provider.get("resources")).get(kind))
        yield provider
        yield root

    def _filled(self, pattern: str, name: str) -> str:
        for key, value in {"project": self.project, "stack": self.stack, "name": name}.items():
            pattern = pattern.replace(f"${{{key}}}", value)
        return re.sub(r"\*+", "*", _UNKNOWN.sub("*", pattern))


def _mapping(value: Any) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise UserError(f"pulumi:autonaming must consist of mappings, with mode or pattern, not of {value!r}.")
    return value
