"""Each patch of MiniStack and moto checks what it replaces, and says in one sentence what has changed."""

import re
import socket
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import FunctionType, ModuleType, SimpleNamespace
from typing import Any

import pytest

from ebb.sandbox.deploy.sdk_patches import PULUMI
from ebb.sandbox.emulators import moto_patches
from ebb.sandbox.emulators.contracts import JSONATA, MINISTACK, MOTO, ContractError, Package
from ebb.sandbox.emulators.ministack import queues, schedules
from ebb.sandbox.emulators.ministack.apigateway import integrations, updates, validation
from ebb.sandbox.emulators.ministack.stepfunctions import aws_sdk, executions, expressions

ROOT = Path(__file__).resolve().parents[2]
Apply = Callable[[Callable[[str], ModuleType]], None]
GATEWAY, STATES = "ministack.services.apigateway_v1", "ministack.services.stepfunctions"
SERVICES = ("apigateway_v1", "scheduler", "sqs", "stepfunctions")
SCALING, ECS, IAM = "moto.applicationautoscaling.models", "moto.ecs.models", "moto.iam.models"
EVENTS = "moto.events.models"
BACKENDS, UTILS = "moto.backends", "moto.utilities.utils"
ZONES = "moto.ec2.models.availability_zones_and_regions"


def api_gateway(module: Callable[[str], ModuleType]) -> None:
    updates.apply(module(GATEWAY))


def integration(module: Callable[[str], ModuleType]) -> None:
    integrations.apply(module("ministack.app"), module(GATEWAY))


def refused(module: Callable[[str], ModuleType]) -> None:
    validation.apply(module(GATEWAY))


def messages(module: Callable[[str], ModuleType]) -> None:
    queues.apply(module("ministack.services.sqs"))


def states(module: Callable[[str], ModuleType]) -> None:
    aws_sdk.reach_all(module("ministack.app"), {"sqs"}, None)  # type: ignore[arg-type]


def services_by_sdk(module: Callable[[str], ModuleType]) -> None:
    aws_sdk.apply(module("ministack.app"), module(STATES))


def jsonata(module: Callable[[str], ModuleType]) -> None:
    library = module("jsonata")
    states = module(STATES)
    if getattr(states, "jsonata", None) is import_module("jsonata"):
        states.jsonata = library  # type: ignore[attr-defined]
    expressions.apply(states, library)


def execution(module: Callable[[str], ModuleType]) -> None:
    executions.apply(module(STATES))


def start_pause(module: Callable[[str], ModuleType]) -> None:
    executions.skip_start_pause(module(STATES))


def scheduler(module: Callable[[str], ModuleType]) -> None:
    schedules.apply(module("ministack.services.scheduler"))


def policies(module: Callable[[str], ModuleType]) -> None:
    moto_patches.keep_policy_arn(module(SCALING))


def targets(module: Callable[[str], ModuleType]) -> None:
    moto_patches.report_registrations(module(SCALING))


def services(module: Callable[[str], ModuleType]) -> None:
    moto_patches.count_reported_tasks(module(ECS))


def standalone(module: Callable[[str], ModuleType]) -> None:
    moto_patches.report_standalone_tasks(module(ECS))


def managed(module: Callable[[str], ModuleType]) -> None:
    moto_patches.keep_managed_policies(module(IAM))


def target_tags(module: Callable[[str], ModuleType]) -> None:
    moto_patches.tag_targets(module(SCALING.replace("models", "responses")))


def events(module: Callable[[str], ModuleType]) -> None:
    moto_patches.hand_over_events(module(EVENTS))


def module_list(module: Callable[[str], ModuleType]) -> None:
    moto_patches.keep_module_list(module(BACKENDS))


def regions(module: Callable[[str], ModuleType]) -> None:
    moto_patches.know_all_regions(module(ZONES), module(UTILS))


#: Each patch with the names that it replaces or uses: the module and the name in it.
CONTRACTS: dict[Apply, list[tuple[str, str]]] = {
    api_gateway: [(GATEWAY, name) for name in ("_apply_patch", "_create_stage", "_v1_error", "_stages_v1")],
    integration: [
        (GATEWAY, "_invoke_lambda_custom_v1"),
        (GATEWAY, "_invoke_sqs_v1"),
        (GATEWAY, "_invoke_mock_v1"),
        (GATEWAY, "_execute_in_scope"),
        (GATEWAY, "_gw_error"),
        (GATEWAY, "_parse_service_integration_uri"),
        (GATEWAY, "_select_service_integration_response"),
        ("ministack.app", "SERVICE_HANDLERS"),
    ],
    messages: [
        ("ministack.services.sqs", name)
        for name in (
            *("_act_get_queue_attributes", "_act_receive_message", "_act_send_message", "_get_q", "_HANDLERS", "_Err"),
        )
    ],
    refused: [
        (GATEWAY, name)
        for name in ("_check_request_validation", "_gateway_error_response", "_model_schema", "_gw_error")
    ],
    states: [("ministack.app", "SERVICE_HANDLERS")],
    services_by_sdk: [
        (STATES, "_invoke_aws_sdk_integration"),
        (STATES, "get_region"),
        (STATES, "_ExecutionError"),
        ("ministack.app", "call_service_handler_sync"),
        ("ministack.app", "SERVICE_HANDLERS"),
    ],
    jsonata: [
        (STATES, "_register_sfn_jsonata_functions"),
        (STATES, "jsonata"),
        ("jsonata", "Jsonata"),
        ("jsonata", "Functions"),
        ("jsonata", "Functions.Encoder"),
        ("jsonata", "Utils"),
    ],
    execution: [
        (STATES, name)
        for name in (
            "_ExecutionError",
            "error_response_json",
            "_error_matches",
            "_start_execution",
            "_start_sync_execution",
            *executions.STATES,
        )
    ],
    start_pause: [(STATES, "_run_execution")],
    scheduler: [
        ("ministack.services.scheduler", name)
        for name in (
            "start_scheduler",
            "_create_schedule",
            "_update_schedule",
            "_list_schedules",
            "_error",
            "_schedules",
        )
    ],
    policies: [
        (SCALING, "FakeApplicationAutoscalingPolicy"),
        (SCALING, "FakeApplicationAutoscalingPolicy.formulate_key"),
        (SCALING, "ApplicationAutoscalingBackend"),
        (SCALING, "ApplicationAutoscalingBackend.put_scaling_policy"),
    ],
    targets: [
        (SCALING, "ApplicationAutoscalingBackend"),
        (SCALING, "ApplicationAutoscalingBackend.register_scalable_target"),
    ],
    services: [
        (ECS, "Service"),
        (ECS, "EC2ContainerServiceBackend"),
        (ECS, "EC2ContainerServiceBackend.create_service"),
    ],
    standalone: [
        (ECS, "Task"),
        (ECS, "EC2ContainerServiceBackend"),
        (ECS, "EC2ContainerServiceBackend.run_task"),
        (ECS, "EC2ContainerServiceBackend._calculate_task_resource_requirements"),
    ],
    managed: [(IAM, "IAMBackend"), (IAM, "IAMBackend._init_aws_policies")],
    target_tags: [
        (SCALING.replace("models", "responses"), "ApplicationAutoScalingResponse"),
        (SCALING.replace("models", "responses"), "ApplicationAutoScalingResponse.register_scalable_target"),
        (SCALING.replace("models", "responses"), "ApplicationAutoScalingResponse.applicationautoscaling_backend"),
    ],
    events: [(EVENTS, "Rule"), (EVENTS, "Rule.send_to_targets")],
    module_list: [(BACKENDS, "list_of_moto_modules")],
    regions: [
        (ZONES, "RegionsAndZonesBackend"),
        (ZONES, "RegionsAndZonesBackend.zones"),
        (ZONES, "Zone"),
        (UTILS, "REGION_PREFIX_TO_PARTITION"),
    ],
}
BROKEN = [(apply, *name) for apply, names in CONTRACTS.items() for name in names]


def clone(value: Any) -> Any:
    """A copy that a patch can change without changing the original."""
    if isinstance(value, dict):
        return dict(value)
    if isinstance(value, FunctionType):
        copied = FunctionType(value.__code__, value.__globals__, value.__name__, value.__defaults__, value.__closure__)
        copied.__kwdefaults__ = value.__kwdefaults__
        copied.__dict__.update(value.__dict__)
        return copied
    return value


def copies(*, without: str = "", instead: Any = None) -> Callable[[str], ModuleType]:
    """The modules, with one `module:name` that is missing or replaced."""

    def module(name: str) -> ModuleType:
        original = import_module(name)
        copied = ModuleType(name)
        names = {path.split(".")[0] for paths in CONTRACTS.values() for owner, path in paths if owner == name}
        vars(copied).update({key: clone(vars(original)[key]) for key in names})
        owner, _, path = without.partition(":")
        if owner == name:
            kind, _, last = path.rpartition(".")
            if kind:
                vars(copied)[kind] = type(kind, (vars(original)[kind],), {last: instead})
            else:
                vars(copied)[last] = instead
        return copied

    return module


@pytest.mark.parametrize("apply", CONTRACTS, ids=lambda apply: apply.__name__)
def test_the_pinned_version_keeps_the_contract(apply: Apply) -> None:
    apply(copies())


@pytest.mark.parametrize(("apply", "module", "name"), BROKEN)
@pytest.mark.parametrize("instead", [None, lambda something, _else: None], ids=["missing", "changed"])
def test_a_broken_contract_names_what_has_changed(apply: Apply, module: str, name: str, instead: Any) -> None:
    package = {"ministack": MINISTACK, "jsonata": JSONATA}.get(module.partition(".")[0], MOTO)
    with pytest.raises(ContractError) as error:
        apply(copies(without=f"{module}:{name}", instead=instead))
    named = name.rpartition(".")[2]
    assert re.fullmatch(
        rf"{package.name} {package.known} changed [\w.]*{re.escape(named)}.*: Ebb's patch knows {package.known}\. "
        rf"Install the pinned version: pip install {package.distribution}=={package.known}",
        str(error.value),
    )


def test_the_sentence_has_the_signature_and_both_versions() -> None:
    package = Package("moto", "moto", "1.0")
    owner = SimpleNamespace(__name__="moto.ecs", create=lambda self, name, *, size=1: None)
    found: Any = owner
    assert package.function(found, "create", "(self, name, *, size=1)") is owner.create
    with pytest.raises(ContractError) as error:
        package.function(found, "create", "(self, name)")
    assert str(error.value) == (
        f"moto {MOTO.known} changed moto.ecs.create(self, name): Ebb's patch knows 1.0. "
        "Install the pinned version: pip install moto==1.0"
    )


@pytest.mark.parametrize("package", [MINISTACK, MOTO, JSONATA, PULUMI], ids=lambda package: package.name)
def test_the_patches_know_the_pinned_version(package: Package) -> None:
    assert f"{package.distribution}=={package.known}" in (ROOT / "constraints.txt").read_text().splitlines()


def sleeps(run: FunctionType) -> list[float]:
    """The pauses of an execution whose state machine is gone, before it fails for that."""
    slept: list[float] = []
    scope = {
        "time": SimpleNamespace(sleep=slept.append),
        "_executions": {"e": {"stateMachineArn": "gone"}},
        "_state_machines": {},
        "_fail_execution": lambda *_: None,
    }
    FunctionType(run.__code__, scope)("e")
    return slept


def test_the_pause_at_the_start_of_an_execution_is_skipped_and_no_other() -> None:
    module = copies()(STATES)
    assert sleeps(module._run_execution) == [executions.START_PAUSE]
    executions.skip_start_pause(module)
    assert sleeps(module._run_execution) == [0.0]
    with pytest.raises(ContractError, match="which slept once"):
        executions.skip_start_pause(module)


@pytest.mark.parametrize("body", ["time.sleep(0.15); time.sleep(0.15)", "time.sleep(0.2)", "time.pause(0.15)"])
def test_another_pause_is_not_skipped_in_silence(body: str) -> None:
    module = ModuleType(STATES)
    exec(f"def _run_execution(exec_arn):\n    {body}", vars(module))
    with pytest.raises(ContractError, match="which slept once"):
        executions.skip_start_pause(module)


def test_a_service_class_that_moto_no_longer_uses_is_refused() -> None:
    module = copies()(ECS)
    vars(module).update(Service=type("Service", (vars(module)["Service"],), {}))
    with pytest.raises(ContractError, match=r"create_service\(\.\.\.\), which called Service\(\.\.\.\)"):
        moto_patches.count_reported_tasks(module)


def test_a_service_without_a_count_of_running_tasks_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    module = copies()(ECS)
    monkeypatch.setattr(vars(module)["Service"], "__init__", lambda _: None)
    with pytest.raises(ContractError, match=r"models\.Service, which had deployments, desired_count, pending_count, "):
        moto_patches.count_reported_tasks(module)


def test_the_child_process_ends_with_the_sentence(tmp_path: Path) -> None:
    (tmp_path / "ministack/services").mkdir(parents=True)
    for name in (
        "__init__",
        "services/__init__",
        "services/apigateway_v1",
        "services/scheduler",
        "services/sqs",
        "services/stepfunctions",
    ):
        (tmp_path / f"ministack/{name}.py").touch()
    (tmp_path / "ministack/app.py").write_text("app, SERVICE_HANDLERS = None, {}")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        failed = subprocess.run(
            [sys.executable, "-m", "ebb.sandbox.emulators.ministack", str(listener.fileno()), "1"],
            cwd=ROOT,
            env={"PYTHONPATH": str(tmp_path)},
            pass_fds=[listener.fileno()],
            capture_output=True,
            text=True,
            check=False,
        )
    assert failed.returncode == 1
    assert failed.stderr == (
        f"MiniStack {MINISTACK.known} changed ministack.services.apigateway_v1._apply_patch(obj, patch_ops): "
        f"Ebb's patch knows {MINISTACK.known}. Install the pinned version: pip install ministack=={MINISTACK.known}\n"
    )
