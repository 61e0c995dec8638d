from typing import Any

import pytest

import settings


@pytest.mark.parametrize(
    ("raw", "warning"),
    [
        ({"queue": {"max_receive_count": 2}}, "ebb:queue.max_receive_count: each receive counts"),
        ({"queue": {"max_receive_count": 3}}, None),
        (
            {"queue": {"max_receive_count": 3}, "worker": {"spot_weight": 50}},
            "a deployment or a Spot reclaim cuts short",
        ),
        ({"queue": {"max_receive_count": 4}, "worker": {"spot_weight": 50}}, None),
        ({"worker": {"job_timeout": 59}}, "ebb:worker.job_timeout: jobs of scaling.seconds_per_job, 60 seconds"),
        ({"worker": {"job_timeout": 60}}, None),
        ({"queue": {"fifo": True}, "scaling": {"max_tasks": 2}}, "ebb:queue.fifo: jobs of one message group run one"),
        ({"queue": {"fifo": True}, "scaling": {"max_tasks": 2, "message_groups": 2}}, None),
        ({"queue": {"fifo": True}, "scaling": {"max_tasks": 1}}, None),
        ({"scaling": {"max_tasks": 24}}, None),
        ({"scaling": {"max_tasks": 25}}, "ebb:scaling.max_tasks: 25 tasks of 0.25 vCPU are 6.25; a new account may"),
    ],
)
def test_what_is_known_to_hurt_scaling_draws_a_warning_with_the_mend(raw: dict[str, Any], warning: str | None) -> None:
    found = settings.warnings(settings.read(raw))
    assert len(found) == (warning is not None)
    assert all(str(warning) in text for text in found)


@pytest.mark.parametrize(("minutes", "long"), [(4, False), (5, True)])
def test_a_long_period_is_warned_of_beside_the_cpu_that_it_averages(minutes: int, long: bool) -> None:
    steps = [{"lower": 1, "change": 1}]
    read = settings.read({"scaling": {"steps": steps, "scale_in": "cpu", "cpu_minutes": minutes}})
    found = settings.warnings(read)
    assert found[0].startswith("ebb:scaling.scale_in cpu:")
    assert [text.startswith("ebb:scaling.cpu_minutes: an alarm of 5 minutes") for text in found[1:]] == [True] * long
