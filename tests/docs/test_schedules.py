"""docs/schedules.md: its example is one."""

import re
from pathlib import Path

import settings
from settings import stack_yaml

DOCUMENT = Path(__file__).parents[2] / "docs/schedules.md"


def test_the_example_is_accepted() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    sections = {key.removeprefix("ebb:"): value for key, value in stack_yaml.load(example)["config"].items()}
    report, cleanup = settings.read(sections).queue.schedules
    assert (report.expression, cleanup.expression) == ("cron(0 3 * * ? *)", "rate(12 hours)")
    assert report.body["for"] == "<aws.scheduler.scheduled-time>"
