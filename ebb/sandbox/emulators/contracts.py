"""Checks, before a patch is applied, that the patched package still is what the patch was written for."""

import inspect
from dataclasses import dataclass
from importlib.metadata import version
from types import ModuleType
from typing import Any


class ContractError(Exception):
    """A package is not what our patch of it expects; the text is one sentence for the user."""


@dataclass(frozen=True)
class Package:
    """A package that we patch: its name, its name on PyPI, and the version that our patches were written for."""

    name: str
    distribution: str
    known: str

    def function(self, owner: ModuleType | type, name: str, signature: str) -> Any:
        """The owner's function or class of this name, which must have this signature, without its annotations.

        An `async` function has "async " before its signature. Raises ContractError.
        """
        found = getattr(owner, name, None)
        self.check(found is not None and _signature(found) == signature, f"{owner.__name__}.{name}{signature}")
        return found

    def value(self, owner: ModuleType | type, name: str, kind: type) -> Any:
        """The owner's attribute of this name, which must be of this type. Raises ContractError."""
        found = getattr(owner, name, None)
        self.check(isinstance(found, kind), f"{owner.__name__}.{name}, a {kind.__name__}")
        return found

    def check(self, holds: bool, what: str) -> None:
        """Raises ContractError with `what` the package has changed, unless it `holds`."""
        if not holds:
            raise ContractError(
                f"{self.name} {version(self.distribution)} changed {what}: Ebb's patch knows {self.known}. "
                f"Install the pinned version: pip install {self.distribution}=={self.known}"
            )


MINISTACK = Package("MiniStack", "ministack", "1.5.33")
MOTO = Package("moto", "moto", "5.2.5")


def _signature(function: Any) -> str:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return ""
    plain = [item.replace(annotation=inspect.Parameter.empty) for item in signature.parameters.values()]
    text = str(signature.replace(parameters=plain, return_annotation=inspect.Signature.empty))
    return f"async {text}" if inspect.iscoroutinefunction(function) else text
