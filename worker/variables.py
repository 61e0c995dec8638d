"""Environment variables, read and checked one by one. The problems are collected."""

import json
import math
import re
from collections.abc import Mapping

DEFAULT_HANDLER = "worker.handler:handle"
QUEUE_URL = re.compile(r"https?://[^\s/]+/\S+")
#: The region in the host of a queue's URL (AWS General Reference, "Amazon SQS endpoints and quotas").
REGION_IN_URL = re.compile(r"https?://(?:[^/.]+\.)?sqs(?:-fips)?\.([a-z]+-[a-z0-9-]+)\.")
#: botocore makes a host name of the region.
REGION = re.compile(r"[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?")


class ConfigError(Exception):
    """The environment is not usable; the text is one sentence for the user."""


class Reader:
    """Reads variables and collects the problems."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment
        self.problems: list[str] = []

    def check(self) -> None:
        """Raises ConfigError with all problems, if there are any."""
        if self.problems:
            raise ConfigError("; ".join(self.problems) + ".")

    def text(self, name: str) -> str:
        """A text that must be set."""
        value = self.environment.get(name, "")
        if not value:
            self.problems.append(f"{name} must be set")
        return value

    def url(self, name: str) -> str:
        """A queue's URL that must be set."""
        value = self.text(name)
        if value and not QUEUE_URL.fullmatch(value):
            self.problems.append(f"{name} must be a queue's URL, not {value!r}")
        return value

    def region(self, queue_url: str) -> str | None:
        """The queue's region: a queue exists in one. AWS_REGION is the job's, and can be another."""
        value = self.environment.get("EBB_AWS_REGION") or None
        if value and not REGION.fullmatch(value):
            self.problems.append(f"EBB_AWS_REGION must be a region's name, not {value!r}")
        found = REGION_IN_URL.match(queue_url)
        return found[1] if found else value

    def number(
        self,
        name: str,
        minimum: float,
        maximum: float,
        unit: str = "seconds",
        *,
        whole: bool = True,
        default: float | None = None,
    ) -> float:
        """A number within its limits, which are included. It must be set unless there is a default."""
        value = self.environment.get(name, "") if default is not None else self.text(name)
        if not value:
            return minimum if default is None else default
        try:
            parsed = float(value)
        except ValueError:
            parsed = math.nan
        if minimum <= parsed <= maximum and (not whole or parsed.is_integer()):
            return parsed
        kind = "a whole number" if whole else "a number"
        self.problems.append(f"{name} must be {kind} of {unit} from {minimum} to {maximum}, not {value!r}")
        return minimum

    def switch(self, name: str, *, default: bool) -> bool:
        """`on` or `off`."""
        value = self.environment.get(name) or ("on" if default else "off")
        if value not in {"on", "off"}:
            self.problems.append(f"{name} must be on or off, not {value!r}")
        return value == "on"

    def handler(self, name: str) -> str:
        """A handler as `module:function`."""
        value = self.environment.get(name) or DEFAULT_HANDLER
        module, _, function = value.partition(":")
        if not all(part.isidentifier() for part in [*module.split("."), function]):
            self.problems.append(f"{name} must be module:function, not {value!r}")
        return value

    def command(self, name: str) -> tuple[str, ...]:
        """A program and its arguments, from a JSON list; empty if it is not set."""
        value = self.environment.get(name)
        if not value:
            return ()
        if self.environment.get("EBB_HANDLER"):
            self.problems.append("EBB_HANDLER and EBB_COMMAND exclude each other: set only one of them")
        try:
            words = json.loads(value)
        except (ValueError, RecursionError):
            words = None
        valid = isinstance(words, list) and all(isinstance(word, str) and "\0" not in word for word in words)
        if not (valid and words and words[0]):
            self.problems.append(f"{name} must be a JSON list of a program and its arguments, not {value!r}")
            return ()
        return tuple(words)
