"""Checks, before a patch is applied, that the patched package has what the patch expects."""

import inspect
from dataclasses import dataclass
from importlib.metadata import version
from types import ModuleType
from typing import Any

from ebb.errors import UserError


class ContractError(UserError):
    """A package has changed what our patch of it expects; the text is one sentence for the user."""


@dataclass(frozen=True)
class Package:
    """A package that we patch: its name, its name on PyPI, and the version that our patches know."""

    name: str
    distribution: str
    known: str

    def function(self, owner: ModuleType | type, name: str, signature: str) -> Any:
        """The owner's function of this name. Raises ContractError unless it has this signature.

        A signature has no annotations, and of an `async` function begins with "async ".
        """
        found = getattr(owner, name, None)
        self.check(found is not None and _signature(found) == signature, f"{owner.__name__}.{name}{signature}")
        return found

    def value(self, owner: ModuleType | type, name: str, kind: type) -> Any:
        """The owner's attribute of this name. Raises ContractError unless it has this type."""
        found = getattr(owner, name, None)
        self.check(isinstance(found, kind), f"{owner.__name__}.{name}, a {kind.__name__}")
        return found

    def check(self, holds: bool, what: str) -> None:
        """Raises ContractError, with `what` the package has changed, unless it `holds`."""
        if not holds:
            raise ContractError(
                f"{self.name} {version(self.distribution)} changed {what}: Ebb's patch knows {self.known}. "
                f"Install the pinned version: pip install {self.distribution}=={self.known}"
            )


MINISTACK = Package("MiniStack", "ministack", "1.5.33")
MOTO = Package("moto", "moto", "5.2.5")
JSONATA = Package("jsonata-python", "jsonata-python", "0.7.1")


def _signature(function: Any) -> str:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return ""
    plain = [item.replace(annotation=inspect.Parameter.empty) for item in signature.parameters.values()]
    text = str(signature.replace(parameters=plain, return_annotation=inspect.Signature.empty))
    return f"async {text}" if inspect.iscoroutinefunction(function) else text
