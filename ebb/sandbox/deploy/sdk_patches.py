"""Patches of Pulumi's SDK: a message for an engine that has ended is dropped, and stack traces are left out."""

import functools
from types import ModuleType
from typing import Any

import grpc
from pulumi import log
from pulumi.runtime import resource
from pulumi.runtime.proto import engine_pb2, source_pb2

from ebb.sandbox.emulators.contracts import Package

PULUMI = Package("Pulumi's SDK", "pulumi", "3.272.0")
_SIGNATURE = "(engine, severity, message, resource, stream_id, ephemeral)"


@functools.cache
def apply() -> None:
    """Patch the SDK in this process, once. Raises ContractError."""
    log_while_engine_runs(log)
    send_no_stack_traces(resource)


def log_while_engine_runs(log: ModuleType) -> None:
    """Debug messages are not sent: the SDK calls the engine for each, hundreds of times in a deployment.

    When a deployment fails, the engine ends before the program. The SDK then fails to log that. It does not cancel the
    program's tasks and does not close their event loop. Python reports both when it destroys them.
    """
    send = PULUMI.function(log, "_log", _SIGNATURE)

    @functools.wraps(send)
    def send_while_engine_runs(engine: Any, severity: int, *message: Any) -> None:
        if severity == engine_pb2.DEBUG:
            return
        try:
            send(engine, severity, *message)
        except grpc.RpcError as error:
            if error.code() is not grpc.StatusCode.UNAVAILABLE:
                raise

    vars(log).update(_log=send_while_engine_runs)


def send_no_stack_traces(resource: ModuleType) -> None:
    """The SDK sends where the program creates each resource, which takes a seventh of the program's time."""
    PULUMI.function(resource, "_get_stack_trace", "()")
    vars(resource).update(_get_stack_trace=source_pb2.StackTrace)
