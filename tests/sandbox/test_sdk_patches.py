"""The patches of Pulumi's SDK: messages for an engine that has ended, and stack traces."""

from typing import Any

import grpc
import pytest
from pulumi import log
from pulumi.runtime.proto import engine_pb2

from ebb.sandbox.deploy import sdk_patches


class Engine:
    """An engine that answers each message with this status."""

    def __init__(self, status: grpc.StatusCode) -> None:
        self.status = status

    def Log(self, _: Any) -> None:  # noqa: N802
        error: Any = grpc.RpcError()
        error.code = lambda: self.status
        raise error


def send(status: grpc.StatusCode, severity: int = engine_pb2.INFO) -> None:
    sdk_patches.apply()
    vars(log)["_log"](Engine(status), severity, "text", None, None, None)


def test_a_message_for_an_engine_that_has_ended_is_dropped() -> None:
    send(grpc.StatusCode.UNAVAILABLE)


def test_a_debug_message_is_not_sent() -> None:
    send(grpc.StatusCode.INTERNAL, engine_pb2.DEBUG)


def test_another_failure_is_raised() -> None:
    with pytest.raises(grpc.RpcError):
        send(grpc.StatusCode.INTERNAL)
