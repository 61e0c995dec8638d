"""The role that deploys a stack (`ebb policy`): `pulumi up`, `refresh` and `destroy`. It reads and changes."""

from ebb.iam.actions import parts
from ebb.iam.document import Statement, statements
from ebb.iam.stack import Stack


def deployer(stack: Stack) -> list[Statement]:
    """The statements of its policy."""
    return statements(((part, (*part.read, *part.change)) for part in parts(stack)), stack.place)
