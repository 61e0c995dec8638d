"""A stack file is read as the engine delivers it: one run with a table of scalars."""

import json
from pathlib import Path
from typing import Any

from pulumi import automation as auto
from pulumi.automation import PulumiCommand
from pulumi.runtime.config import CONFIG

from ebb import project
from settings import PROJECT, stack_yaml

WORDS = """
true True TRUE tRuE false yes Yes no on off y n ~ null Null nULL 0 7 -7 +7 -0 007 0777 08 09123 0o17 -0o17 0O17 0o8
0x1F -0x1f 0xZ 0x_1F 0x1p4 0b101 -0b11 0b2 1_000 0_7 _1 1_0.5 .5_0 ._5 1.5 1.50 1. 1.0 .5 -.5 +.5 1e3 1.5e3 1e-7
1.5e+300 1e20 1e21 1e400 1e 1e3x .e3 . 1.2.3 ++1 1,000 = 12:30:45 1:30 9223372036854775807 9223372036854775808
18446744073709551616 -9223372036854775809 123456789012345678901234567890 2024-01-01 2024-1-1 2024-13-45 2024-01-01_10
2024-02-29 2023-02-29 2024-01-01T10:00:00Z 2024-01-01T10:00:00+02:00 2024-01-01T10:00:00+00:00 2024-01-01T24:00:00Z
2001-12-14t21:59:43.10-05:30 ''
"""
SCALARS = [
    *WORDS.split(),
    "2024-01-01 10:00:00",
    "2024-01-01  1:2:3.50",
    "2024-01-01 10:00",
    "2024-01-01 10:00:00 +0000 UTC",
    "!!str 123",
    '!!int "12"',
    "!!float 3",
    "!!binary aGk=",
    "!custom 5",
    "!!timestamp '2024-01-01'",
    '"\\x41\\u00e9 on"',
    "",
    "{1: a, true: b, ~: c, 1.50: d, 2024-01-01: e}",
    "{secure: 1, other: {secure: v1, x: 2}}",
    "[1, ~, [yes]]",
]


def delivered(folder: Path, command: PulumiCommand, text: str) -> dict[str, Any]:
    """The configuration that the program gets for this stack file."""
    got: dict[str, Any] = {}
    (folder / "state").mkdir()
    (folder / "Pulumi.yaml").write_text(f"name: {PROJECT}\nruntime: python\n")
    (folder / "Pulumi.my.test.yaml").write_text(text)
    stack = auto.create_or_select_stack(
        "my.test",
        project_name=PROJECT,
        program=lambda: got.update(CONFIG.get()),
        opts=auto.LocalWorkspaceOptions(
            work_dir=str(folder),
            env_vars={
                "PULUMI_BACKEND_URL": (folder / "state").as_uri(),
                "PULUMI_HOME": str(folder / "home"),
                "PULUMI_CONFIG_PASSPHRASE": "test",
                "PULUMI_SKIP_UPDATE_CHECK": "true",
            },
            pulumi_command=command,
        ),
    )
    stack.preview()
    return got


def exact(value: Any) -> str:
    """The value as text in which 1, 1.0 and true differ."""
    return json.dumps(value, sort_keys=True)


def test_each_value_is_read_as_the_engine_delivers_it(tmp_path: Path, command: PulumiCommand) -> None:
    nested = "".join(f"    k{number}: {text}\n" for number, text in enumerate(SCALARS))
    flat = "".join(f"  k{number}: {text}\n" for number, text in enumerate(SCALARS))
    shared = "  base: &base {x: 1, y: {z: 1}}\n  merged: {<<: *base, x: 2}\n  'ebb:config:old': 1\n"
    text = f"config:\n  all:\n{nested}{flat}{shared}"
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "Pulumi.my.test.yaml").write_text(text)
    own = project.configuration("my.test", folder=tmp_path / "own")
    (tmp_path / "engine").mkdir()
    engine = delivered(tmp_path / "engine", command, text)
    assert own.keys() == engine.keys()
    theirs = json.loads(engine.pop(f"{PROJECT}:all"))
    ours = own.pop(f"{PROJECT}:all")
    assert {text: exact(ours[f"k{number}"]) for number, text in enumerate(SCALARS)} == {
        text: exact(theirs[f"k{number}"]) for number, text in enumerate(SCALARS)
    }
    for key, value in own.items():
        if isinstance(value, str):  # the engine rounds no number here, and JSON has another form for large ones
            assert stack_yaml.load(value) == stack_yaml.load(engine[key]), key
        else:
            assert value == json.loads(engine[key]), key
