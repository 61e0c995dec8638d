"""Where moto differs from AWS in what a deployment depends on."""

from collections.abc import Callable
from typing import Any

#: Called after each RegisterScalableTarget, which AWS acts on at once and moto only notes down.
ON_REGISTER: list[Callable[[], None]] = []


def apply() -> None:
    """Mend it, in this process; once is enough."""
    from moto.applicationautoscaling.models import (  # noqa: PLC0415 - half a second
        ApplicationAutoscalingBackend,
        FakeApplicationAutoscalingPolicy,
    )

    put = ApplicationAutoscalingBackend.put_scaling_policy
    if put.__name__ == "put_and_keep_the_arn":
        return

    def put_and_keep_the_arn(self: Any, **policy: Any) -> Any:
        """A policy that is put again is the same policy: its ARN, which alarms name, stays."""
        named = ("service_namespace", "resource_id", "scalable_dimension", "policy_name")
        key = FakeApplicationAutoscalingPolicy.formulate_key(*(policy[name] for name in named))
        before = self.policies.get(key)
        changed = put(self, **policy)
        if before is not None:
            changed.policy_arn, changed.creation_time = before.policy_arn, before.creation_time
        return changed

    ApplicationAutoscalingBackend.put_scaling_policy = put_and_keep_the_arn  # type: ignore[method-assign, assignment]

    register = ApplicationAutoscalingBackend.register_scalable_target

    def register_and_tell(self: Any, *args: Any, **target: Any) -> Any:
        registered = register(self, *args, **target)
        for tell in list(ON_REGISTER):
            tell()
        return registered

    ApplicationAutoscalingBackend.register_scalable_target = register_and_tell  # type: ignore[method-assign]
