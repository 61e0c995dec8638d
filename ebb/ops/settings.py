"""A deployed stack's settings: from its file, or from the sandbox that runs it."""

from ebb import project
from ebb.ops.stack import Stack
from settings import Settings


def settings_of(stack: Stack) -> Settings:
    """The settings of a deployed stack. Its file may have changed since the deployment. Raises UserError."""
    return project.read_settings(stack.sandbox.config if stack.sandbox else project.configuration(short(stack.name)))


def short(name: str) -> str:
    """A stack's name as its file has it: the full name is organization/project/stack."""
    return name.rpartition("/")[2]
