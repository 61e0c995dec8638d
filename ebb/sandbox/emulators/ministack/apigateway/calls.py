"""The call of the deployed API that is under way, and what its templates see of it."""

import time
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ebb.sandbox.emulators.ministack import vtl

#: One caller for all calls: everything comes from this machine.
SOURCE_IP = "127.0.0.1"


@dataclass(frozen=True)
class Call:
    """A request to a stage. `routed` is MiniStack's own record of it, which has the resource once that is known."""

    routed: Mapping[str, Any]
    account: str
    method: str
    path: str
    body: bytes
    time: float = field(default_factory=time.time)

    def request(self, authorizer: Mapping[str, Any] | None = None) -> vtl.Request:
        """What templates are rendered for. Path parameters stay encoded, as API Gateway leaves them.

        Of a repeated query parameter it has the last value. https://github.com/aws/aws-sam-cli/issues/771 has both.
        """
        routed = self.routed
        query: Mapping[str, Any] = routed["query_params"]
        return vtl.Request(
            body=self.body.decode("utf-8", errors="replace"),
            path=routed["path_params"],
            query={name: value[-1] if isinstance(value, list) else value for name, value in query.items()},
            headers=routed["headers"],
            context=self.context(authorizer),
            stage_variables=routed["stage"].get("variables") or {},
        )

    def context(self, authorizer: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """`$context` (API Gateway developer guide, "Variables for data transformations"). All its times are real.

        AWS does not say whether requestTimeEpoch is a number in a template. Here it is a text, so that a template which
        calculates with it makes it a number first.
        """
        routed, stage = self.routed, self.routed["stage_name"]
        return {
            "accountId": self.account,
            "apiId": routed["api_id"],
            "authorizer": dict(authorizer or {}),
            "domainName": routed["headers"].get("host", ""),
            "extendedRequestId": routed["request_id"],
            "httpMethod": self.method,
            "identity": {"sourceIp": SOURCE_IP, "userAgent": routed["headers"].get("user-agent", "")},
            "path": f"/{stage}{self.path}",
            "protocol": "HTTP/1.1",
            "requestId": routed["request_id"],
            "requestTime": datetime.fromtimestamp(self.time, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "requestTimeEpoch": str(round(self.time * 1000)),
            "resourcePath": routed["resource_path"],
            "stage": stage,
        }


CURRENT: ContextVar[Call] = ContextVar("call")
