"""The live view of `sandbox up`: one frame of it, of a stack at work."""

import io

from rich.console import Console

from ebb.sandbox.live_view import view
from ebb.sandbox.log_follower import Sample, Watch
from ebb.sandbox.sandbox import Sandbox
from tests.helpers.waiting import until


def test_a_frame_shows_depth_alarms_activities_tasks_and_jobs() -> None:
    with Sandbox(in_process=True, say=lambda _: None) as sandbox:
        sandbox.deployment.up()
        watch = Watch(sandbox.region, sandbox.deployment.outputs())
        job = sandbox.client().post({"sleep": 60})

        def at_work() -> Sample | None:
            sample = watch.sample()
            return sample if sample.in_flight and job in watch.jobs else None

        sample = until(at_work)
        frame = io.StringIO()
        Console(file=frame, width=150).print(view(sandbox, watch, sample, sandbox.region.events))
        text = frame.getvalue()
        (task,) = sandbox.tasks.tasks()
    assert "depth 0, in flight 1, dead 0, desired 1, running 1, done 0" in text
    assert "scaling-out-" in text
    assert "-> ALARM" in text
    assert "desired 0 -> 1" in text, "the scaling activity"
    assert f"tasks: {task.id[:8]} running protected" in text
    assert any(line.split() == [job, "1", "running"] for line in text.splitlines())
    assert max(map(len, text.splitlines())) <= 150
