"""A patch of Pulumi's SDK: debug messages are not sent, and a message for an engine that has ended is dropped.

The SDK calls the engine for each debug message, hundreds of times in a deployment. The sandbox's engine shows none.
When a deployment fails, the engine ends before the program. The SDK then fails to log that. It does not cancel the
program's tasks and does not close their event loop. Python reports both when it destroys them.
"""

import functools
from typing import Any

import grpc
from pulumi import log
from pulumi.runtime.proto import engine_pb2

from ebb.sandbox.emulators.contracts import Package

PULUMI = Package("Pulumi's SDK", "pulumi", "3.272.0")
_SIGNATURE = "(engine, severity, message, resource, stream_id, ephemeral)"


@functools.cache
def apply() -> None:
    """Patch the SDK in this process, once. Raises ContractError."""
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
