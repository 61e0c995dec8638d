"""What moto's CloudWatch Logs does not do: give a log group that exists another KMS key, or none."""

from typing import Any

from ebb.sandbox.emulators.contracts import MOTO


def apply() -> None:
    """Add the operations to moto in this process. Raises ContractError."""
    from moto.logs import models, responses  # noqa: PLC0415 - moto takes half a second

    response = MOTO.value(responses, "LogsResponse", type)
    MOTO.value(response, "logs_backend", property)
    MOTO.value(models, "LogGroup", type)

    def associate_kms_key(self: Any) -> str:
        self.logs_backend.groups[self._get_param("logGroupName")].kms_key_id = self._get_param("kmsKeyId")
        return ""

    response.associate_kms_key = associate_kms_key
    response.disassociate_kms_key = associate_kms_key  # its request has no key
