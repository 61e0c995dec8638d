"""Runs a Pulumi program through Pulumi's mocks, without an engine, and holds all uses of their private parts."""

import contextvars
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi.runtime.mocks import MockCallArgs, MockMonitor, MockResourceArgs, Mocks
from pulumi.runtime.settings import get_root_resource, set_root_resource

import settings
from ebb.sandbox.deploy import sdk_patches

__all__ = ["Evaluated", "MockCallArgs", "MockMonitor", "MockResourceArgs", "Mocks", "evaluate"]


@dataclass(frozen=True)
class Evaluated:
    """What a program returned, and the outputs that it exported; both with every output resolved."""

    result: Any
    exports: dict[str, Any]


def evaluate(
    program: Callable[[], Any],
    monitor: MockMonitor,
    stack: str,
    config: Mapping[str, Any],
    log: logging.Logger | None = None,
) -> Evaluated:
    """Run the program and all its applies. `config` is by full key, such as `ebb:queue`; values may be JSON text.

    Raises any exception of the program or of an apply. `log` takes what the program reports.
    """
    sdk_patches.apply()
    return contextvars.copy_context().run(_evaluate, program, monitor, stack, config, log)


def _evaluate(
    program: Callable[[], Any],
    monitor: MockMonitor,
    stack: str,
    config: Mapping[str, Any],
    log: logging.Logger | None,
) -> Evaluated:
    set_root_resource(None)  # type: ignore[arg-type]
    pulumi.runtime.set_mocks(monitor.mocks, settings.PROJECT, stack, preview=False, logger=log, monitor=monitor)
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
    pulumi.runtime.set_all_config(texts)
    resolved: dict[str, Any] = {}

    def run() -> pulumi.Output[None]:
        result = program()
        exports = dict(get_root_resource().outputs)  # type: ignore[union-attr]
        everything: pulumi.Output[Any] = pulumi.Output.from_input({"result": result, "exports": exports})
        return everything.apply(resolved.update)

    pulumi.runtime.test(run)()  # type: ignore[no-untyped-call]
    return Evaluated(**resolved)
