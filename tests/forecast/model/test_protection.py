"""The forecast's worker asks ECS for protection at the same times as the real one."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ebb.forecast.model.protection import Protection
from worker.config import Config
from worker.core import protection as real
from worker.core.events import Denial, Protected


class Both:
    """The forecast's protection and the worker's, which get the same events at the same times."""

    def __init__(self, job_timeout: int | None, *, needed: bool) -> None:
        config = Config(
            queue_url="https://queue",
            dead_letter_url="https://dead",
            region=None,
            visibility_timeout=300,
            stop_timeout=120,
            backoff_base=10,
            backoff_cap=900,
            job_timeout=job_timeout,
            protection=needed,
            agent_uri="http://agent",
        )
        self.now = 0.0
        self.worker = real.Protection(config, self._jitter)
        self.model = Protection(needed=needed, longest=config.max_job_seconds, jitter=self._jitter)

    @staticmethod
    def _jitter(low: float, high: float) -> float:
        return (low + high) / 2

    def step(self, seconds: float, *, active: bool, takes: float, granted: bool) -> None:
        self.now += seconds
        protect, wanted = self.worker.request(self.now, active=active), self.model.request(self.now, active=active)
        assert wanted == (None if protect is None else protect.minutes * 60)
        self.compare()
        if protect is None or wanted is None:
            return
        asked_at = self.now
        self.now += takes
        granted = granted or not wanted
        denial = None if granted else Denial.BLOCKED
        self.worker.answered(self.now, Protected(protect, asked_at, denial))
        self.model.answered(self.now, wanted, asked_at, granted=granted)
        self.compare()

    def compare(self) -> None:
        now, worker, model = self.now, self.worker, self.model
        assert model.covers(now) == worker.covers(now)
        assert model.blocked == worker.blocked
        for active in (False, True):
            assert model.may_receive(now, active=active) == worker.may_receive(now, active=active)
        assert sorted(time for time in model.times() if time > now) == sorted(t for t in worker.times() if t > now)


STEPS = st.lists(
    st.fixed_dictionaries(
        {
            "seconds": st.one_of(st.floats(0, 100), st.floats(500, 700), st.floats(0, 90_000)),
            "active": st.booleans(),
            "takes": st.floats(0, 4),
            "granted": st.booleans(),
        }
    ),
    max_size=30,
)


@given(steps=STEPS, job_timeout=st.one_of(st.none(), st.integers(1, 43_200)), needed=st.booleans())
def test_the_forecasts_worker_asks_as_the_real_one_does(
    steps: list[dict[str, Any]], job_timeout: int | None, needed: bool
) -> None:
    both = Both(job_timeout, needed=needed)
    for step in steps:
        both.step(**step)
