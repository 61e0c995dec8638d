"""The real AWS provider that Pulumi has installed on this machine, for `ebb sandbox up --provider installed`."""

import os
from importlib.metadata import version
from pathlib import Path

from ebb.errors import UserError


class NotInstalledError(UserError):
    """Pulumi's aws plugin is not on this machine; the text is one sentence."""


def plugins() -> Path:
    """The folder of Pulumi's plugins, with the aws plugin that the program needs. Raises NotInstalledError."""
    home = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    needed = version("pulumi-aws")
    if not (home / "plugins" / f"resource-aws-v{needed}").is_dir():
        raise NotInstalledError(
            f"--provider installed needs Pulumi's aws plugin {needed} in {home / 'plugins'}: "
            f"run pulumi plugin install resource aws {needed}."
        )
    return home / "plugins"
