"""The role that previews a stack (`ebb policy --role preview`): `pulumi preview`, also with a pull request's own code.

It changes nothing. It reads what a preview compares, and no jobs, secrets, logs or API keys.
"""

from ebb.iam.actions import parts
from ebb.iam.document import Statement, statements
from ebb.iam.stack import Stack


def preview(stack: Stack) -> list[Statement]:
    """The statements of its policy."""
    return statements(((part, part.read) for part in parts(stack)), stack.place)
