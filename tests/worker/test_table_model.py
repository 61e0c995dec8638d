"""The job table of simulations is a model of the real one: both answer alike."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.helpers.examples import examples
from tests.worker import simulated_table
from tests.worker.table_store import NOW, Store, message
from worker.core.endings import JobState
from worker.core.events import Claim, Finish, Release

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["claim", "claim", "finish", "release", "extend", "cancel", "wait", "ask"]),
        st.integers(0, 1),
        st.sampled_from(["m", "m", "n"]),
        st.integers(1, 3),
        st.sampled_from([JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED]),
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=examples(25), deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS, submitted=st.booleans())
def test_the_simulated_table_answers_as_the_real_one(store: Store, steps: list[Any], submitted: bool) -> None:
    store.client.delete_item(TableName=store.table, Key={"id": {"S": "id"}})
    store.now = NOW
    workers = [store.worker(), store.worker()]
    zero = store.now - 100.0  # of their clocks
    model = simulated_table.Table(lambda: store.now, lambda text, about: pytest.fail(f"{text} {about}"))
    if submitted:
        store.put(state="queued", created=int(NOW), expires=int(NOW) + 90_000, message_id="m")
        model.submitted("id", "m")
    for what, number, message_id, attempt, state in steps:
        about, worker, name = message(message_id=message_id, attempt=attempt), workers[number], f"w{number}"
        until = store.now - zero + 30
        match what:
            case "claim":
                (real,) = worker.claim(Claim(about, until)).outcomes.values()
                simulated = model.call(name, Claim(about, until), store.now + 30)
            case "finish":
                (real,) = worker.finish(Finish(about, state)).outcomes.values()
                simulated = model.call(name, Finish(about, state), 0)
            case "release":
                (real,) = worker.release(Release(about)).outcomes.values()
                simulated = model.call(name, Release(about), 0)
            case "extend":
                worker.extend(about, until)
                model.extend(name, about, store.now + 30)
                continue
            case "cancel":
                if model.cancel("id") is JobState.RUNNING:
                    store.cancel()
                elif store.item() and store.state in {"queued", "scheduled"}:
                    store.client.update_item(
                        TableName=store.table,
                        Key={"id": {"S": "id"}},
                        UpdateExpression="SET #s = :s, finished = :now",
                        ExpressionAttributeNames={"#s": "state"},
                        ExpressionAttributeValues={":s": {"S": "cancelled"}, ":now": {"N": str(int(store.now))}},
                    )
                continue
            case "wait":
                store.now += 20
                continue
            case _:
                assert worker.cancelled([about]) == model.cancelled(name, [about])
                continue
        assert real.kind is simulated.kind, (what, real, simulated)
        assert store.state == model.items["id"].state if "id" in model.items else store.item() is None
