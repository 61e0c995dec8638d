"""The section `iam`."""

from pydantic import Field

from settings.forms import PolicyArn, RolePath
from settings.sections.base import Section


class Iam(Section):
    """What all roles of the stack have."""

    permissions_boundary: PolicyArn | None = Field(None, description="Permissions boundary of each role.")
    path: RolePath = Field("/", description="Path of each role, such as `/teams/video/`.")
