"""The section `budgets`."""

from pydantic import Field

from settings.forms import Text
from settings.sections.base import Section


class Load(Section):
    """The load that `ebb forecast` runs when the command names no other. `ebb forecast --help` has the forms."""

    arrivals: Text = Field("burst:1", description="When jobs arrive, such as `trickle:20` or `poisson:20/h:1d`.")
    job: Text = Field("60s", description="How long a job takes, such as `20m` or `lognormal:5m,0.8`.")


class Budgets(Section):
    """Limits of the forecast: above one of them `ebb forecast` ends with exit code 1. They change nothing in AWS."""

    idle: float | None = Field(None, ge=0, description="Maximum of US dollars a month without jobs.")
    bill: float | None = Field(None, ge=0, description="Maximum of US dollars a month at the load.")
    wake_p95: float | None = Field(
        None,
        gt=0,
        description="Maximum of seconds from a job that is sent while no task runs to the start of the next job, at "
        "the 95th percentile.",
    )
    wait_p95: float | None = Field(
        None, gt=0, description="Maximum of seconds from a job that is sent to its start, at the 95th percentile."
    )
    drain_p95: float | None = Field(
        None,
        gt=0,
        description="Maximum of seconds from the first job that is sent to the end of the last one, at the 95th "
        "percentile of the runs.",
    )
    killed: float | None = Field(
        None, ge=0, description="Maximum of jobs that are stopped while they run, on average over the runs."
    )
    load: Load = Field(Load(), description="The load for which the limits are meant.")
