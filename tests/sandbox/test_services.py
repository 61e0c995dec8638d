"""Which tasks of a service start and stop: the desired count, protection and deployments."""

import time
from collections import Counter

from ebb.sandbox.ecs.task import Status
from ebb.sandbox.ecs.tasks import START_SECONDS
from tests.helpers.waiting import alive, until
from tests.sandbox.served import World


def test_the_desired_count_becomes_processes_after_fargates_start_time(world: World) -> None:
    began = world.region.clock.now()
    world.serve(2)
    until(lambda: world.tasks.running("jobs", "worker") == 2)
    assert all(alive(task.pid) for task in world.running() if task.pid)
    assert all(task.started is not None and task.started - began >= START_SECONDS for task in world.running())
    until(lambda: world.counts() == (2, 2, 0))


def test_a_task_counts_as_running_only_once_it_runs(world: World) -> None:
    world.serve(0)
    until(lambda: world.counts() == (0, 0, 0))
    world.update(desiredCount=3)
    assert world.counts()[1] == 0
    until(lambda: world.counts() == (3, 3, 0))


def test_scale_in_sends_sigterm_and_the_exit_code_is_told(world: World) -> None:
    world.serve(3)
    until(lambda: len(world.running()) == 3)
    before = world.running()
    for task in before:
        world.environment(task)  # it listens to SIGTERM from here on
    world.update(desiredCount=1)
    until(lambda: len(world.tasks.tasks()) == 1)
    assert world.running()[0] in before
    assert len(world.events(containing="got SIGTERM: Scaling activity")) == 2
    assert len(world.events(containing="has stopped with exit code 7: Scaling activity")) == 2


def test_a_task_that_ignores_sigterm_is_killed_after_its_stop_timeout_in_real_time(world: World) -> None:
    world.serve(1, "stubborn", stopTimeout=2)
    until(world.running)
    (task,) = world.running()
    long = world.define("stubborn", stopTimeout=120)
    world.ecs.create_service(cluster="jobs", serviceName="patient", desiredCount=1, taskDefinition=long)
    until(lambda: len(world.running()) == 2)
    (patient,) = (view for view in world.running() if view.id != task.id)
    for each in (task, patient):
        world.environment(each)
    world.ecs.update_service(cluster="jobs", service="patient", desiredCount=0)
    until(lambda: world.lines(patient)[-1:] == ["bye"])
    began = time.monotonic()
    world.update(desiredCount=0)
    until(lambda: world.lines(task)[-1:] == ["bye"])
    assert {view.status for view in world.tasks.tasks()} == {Status.STOPPING}
    until(lambda: [view.id for view in world.tasks.tasks()] == [patient.id])
    assert time.monotonic() - began >= 2
    assert world.events(containing="has stopped by signal 9: Scaling activity")


def test_scale_in_never_chooses_a_protected_task_and_waits_when_only_such_are_left(world: World) -> None:
    world.serve(4)
    until(lambda: len(world.running()) == 4)
    protected = world.running()[1:3]
    for task in protected:
        assert world.protect(task)["protection"]["ProtectionEnabled"] is True
    world.update(desiredCount=1)
    until(lambda: len(world.tasks.tasks()) == 2)
    assert {task.id for task in world.running()} == {task.id for task in protected}
    until(lambda: len(world.events(containing="is protected: scale-in waits for it")) == 2)
    world.protect(protected[0], enabled=False)
    until(lambda: [task.id for task in world.tasks.tasks()] == [protected[1].id])
    assert world.counts() == (1, 1, 0)


def test_no_more_tasks_can_be_protected_than_are_desired(world: World) -> None:
    world.serve(2, "stubborn", stopTimeout=2)
    until(lambda: len(world.running()) == 2)
    first, second = world.running()
    world.protect(first)
    world.environment(second)
    world.update(desiredCount=0)
    until(lambda: len(world.running()) == 1)
    assert world.protect(second)["failure"] == {"Arn": second.arn, "Detail": None, "Reason": "DEPLOYMENT_BLOCKED"}
    assert world.protect(first)["protection"]["ProtectionEnabled"] is True  # it was, and may go on


def test_a_task_that_ends_is_replaced_while_it_is_desired(world: World) -> None:
    world.serve(1, "brief")
    until(lambda: len(world.events(containing="has stopped with exit code 0: Essential container in task exited")) >= 2)
    world.update(desiredCount=0)
    until(lambda: not world.tasks.tasks())


def test_a_deployment_starts_new_tasks_and_leaves_old_protected_ones_their_job(world: World) -> None:
    world.serve(2)
    until(lambda: len(world.running()) == 2)
    protected, other = world.running()
    world.protect(protected)
    new = world.define("", environment=[{"name": "VERSION", "value": "2"}])
    world.update(taskDefinition=new)
    until(lambda: Counter(task.task_definition for task in world.running())[new] == 2)
    until(lambda: other.id not in {task.id for task in world.tasks.tasks()})
    assert protected.id in {task.id for task in world.running()}
    assert world.rollout() == "IN_PROGRESS"
    world.protect(protected, enabled=False)
    until(lambda: {task.task_definition for task in world.tasks.tasks()} == {new})
    until(lambda: world.rollout() == "COMPLETED")
    assert all(world.environment(task)["VERSION"] == "2" for task in world.running())


def test_a_deployment_stays_completed_when_the_service_scales(world: World) -> None:
    world.serve(0)
    until(lambda: world.rollout() == "COMPLETED")
    world.update(desiredCount=1)
    until(lambda: world.counts() == (1, 0, 1))
    assert world.rollout() == "COMPLETED"


def test_a_forced_deployment_replaces_tasks_of_the_same_definition(world: World) -> None:
    world.serve(1)
    until(world.running)
    (before,) = world.running()
    world.update(forceNewDeployment=True)
    until(lambda: [task.id for task in world.running()] not in ([before.id], []))
    until(lambda: len(world.tasks.tasks()) == 1)


def test_the_minimum_healthy_percent_keeps_old_tasks_until_new_ones_run(world: World) -> None:
    world.serve(2)
    world.update(deploymentConfiguration={"maximumPercent": 200, "minimumHealthyPercent": 100})
    until(lambda: len(world.running()) == 2)
    new = world.define("", environment=[{"name": "VERSION", "value": "2"}])
    world.update(taskDefinition=new)
    running: list[int] = []

    def replaced() -> bool:
        running.append(len(world.running()))
        return {task.task_definition for task in world.tasks.tasks()} == {new}

    until(replaced)
    assert min(running) == 2


def test_a_deleted_services_tasks_stop(world: World) -> None:
    world.serve(2)
    until(lambda: len(world.running()) == 2)
    world.ecs.delete_service(cluster="jobs", service="worker", force=True)
    until(lambda: not world.tasks.tasks())
    assert len(world.events(containing="The service was deleted")) >= 2
