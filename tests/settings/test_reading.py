"""`settings.read`: all problems together, unknown keys, values that are not shown, and any input at all."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import settings
from tests.settings.refused import Cases, each, problems

UNKNOWN: Cases = {
    "an unknown section": ({"scalling": {}}, "scalling: unknown key, the nearest known one is scaling, got {}."),
    "an unknown key": (
        {"queue": {"visibility": 30}},
        "queue.visibility: unknown key, the nearest known one is visibility_timeout, got 30.",
    ),
    "an unknown key at the second level": (
        {"worker": {"image": {"repo": "x"}}},
        'worker.image.repo: unknown key, the nearest known one is repository, got "x".',
    ),
    "an unknown key in a list": (
        {"scaling": {"steps": [{"lower": 1, "chnge": 1, "change": 1}]}},
        "scaling.steps.0.chnge: unknown key, the nearest known one is change, got 1.",
    ),
}


@each(UNKNOWN)
def test_is_refused(raw: dict[str, Any], sentence: str) -> None:
    assert problems(raw) == [sentence]


def test_an_empty_configuration_is_the_cheapest_stack() -> None:
    read = settings.read({})
    assert (read.network.nat, read.network.public_tasks, read.queue.kms) == ("none", True, "none")
    assert (read.scaling.min_tasks, read.scaling.max_tasks, read.scaling.scales_in_by) == (0, 1, "queue")
    assert read.worker.image.context == "worker"


def test_all_problems_are_reported_together() -> None:
    sentences = problems(
        {
            "network": {"cidr": "10.0.0.0/30", "vpc_id": "vpc-0a"},
            "queue": {"visibility": 1, "fifo": True, "name": "jobs"},
            "worker": {
                "cpu": 256,
                "memory": 4096,
                "environment": {"1ST": "a", "API_TOKEN": "b", "EBB_X": "c", "PORT": 1, "URL": "d"},
                "secrets": {"URL": "/url"},
            },
            "scaling": {"min_tasks": 2, "steps": [{"lower": "one", "change": 1}]},
        }
    )
    assert sorted(sentence.split(": ")[0] for sentence in sentences) == [
        "ebb:network.cidr",
        "ebb:network.vpc_id",
        "ebb:queue.name",
        "ebb:queue.visibility",
        "ebb:scaling.min_tasks",
        "ebb:scaling.steps.0.lower",
        "ebb:worker.environment.1ST",
        "ebb:worker.environment.API_TOKEN",
        "ebb:worker.environment.EBB_X",
        "ebb:worker.environment.PORT",
        "ebb:worker.environment.URL",
        "ebb:worker.memory",
    ]


def test_the_message_begins_with_what_did_not_happen() -> None:
    with pytest.raises(settings.SettingsError) as refused:
        settings.read({"scaling": {"max_tasks": 0}})
    assert str(refused.value) == (
        "The configuration was refused; nothing was changed.\nebb:scaling.max_tasks: must be at least 1, got 0."
    )


def test_rules_do_not_apply_to_the_field_that_a_misspelt_key_means() -> None:
    assert problems({"scaling": {"min_tasks": 2, "max_task": 4}}) == [
        "ebb:scaling.max_task: unknown key, the nearest known one is max_tasks, got 4."
    ]


def test_a_key_that_is_similar_to_no_other_affects_no_rule() -> None:
    assert len(problems({"scaling": {"min_tasks": 2, "zzz": 4}})) == 2


def test_a_credential_is_never_shown() -> None:
    sentences = problems(
        {"worker": {"environment": {"API_TOKEN": 31337, "A_SECRET": "hunter2"}, "secrets": {"KEY": "hunter2 hunter2"}}}
    )
    assert len(sentences) == 3
    assert not any("31337" in sentence or "hunter2" in sentence for sentence in sentences)


@pytest.mark.parametrize(
    "raw",
    [
        {"worker": {"environment": ["DB_PASSWORD=hunter2"]}},
        {"worker": {"enviroment": {"DB_PASSWORD": "hunter2"}}},
        {"worker": {"env": ["URL=hunter2"]}},
        {"worker": {"db_password": "hunter2"}},
        {"workers": {"environment": {"DB_PASSWORD": "hunter2"}}},
    ],
)
def test_a_credential_in_the_wrong_place_is_not_shown(raw: dict[str, Any]) -> None:
    (sentence,) = problems(raw)
    assert "hunter2" not in sentence


def test_a_long_value_is_cut() -> None:
    (sentence,) = problems({"api": {"stage": "x" * 500}})
    assert sentence.endswith("x….")
    assert len(sentence) < 200


KNOWN_KEYS = sorted({key for model in settings.Section.__subclasses__() for key in model.model_fields})
keys = st.one_of(st.sampled_from(KNOWN_KEYS), st.text(max_size=8))
KEY = "arn:aws:kms:us-east-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef"
leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(["none", "new", "gateway", "cpu", "steps", "vpc-0a", KEY, "worker", "API_TOKEN"]),
)
values = st.recursive(
    leaves,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=4)),
    max_leaves=12,
)


def sections_of(values_of: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    plausible = [
        st.dictionaries(st.sampled_from(sorted(model.annotation.model_fields)), values_of, max_size=5)  # type: ignore[union-attr]
        for model in settings.Settings.model_fields.values()
    ]
    return st.dictionaries(
        st.one_of(st.sampled_from(sorted(settings.Settings.model_fields)), st.text(max_size=6)),
        st.one_of(*plausible, values_of),
        max_size=4,
    )


@given(sections_of(values))
def test_any_input_is_read_or_refused_with_sentences_that_name_field_and_value(raw: dict[str, Any]) -> None:
    sentences: list[str] = []
    try:
        read = settings.read(raw)
        assert settings.read(json.loads(read.model_dump_json(exclude_unset=True))) == read
    except settings.SettingsError as refused:
        sentences = refused.problems
        assert sentences != []
    for sentence in sentences:
        assert re.fullmatch(r"ebb:.*: .+, got .+\.", sentence, re.DOTALL), sentence
        assert any(sentence.startswith((f"ebb:{section}:", f"ebb:{section}.")) for section in raw), sentence
