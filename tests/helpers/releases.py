"""States of releases (tests/releases), made real: a region gets the resources, and an engine the state."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ebb import project
from ebb.project import ROOT
from ebb.sandbox.emulators.images import Images
from ebb.sandbox.emulators.region import Region
from ebb.sandbox.provider import awsx, diff
from ebb.sandbox.provider.aws import Aws
from ebb.sandbox.provider.resources import ROWS
from tools.release_state import ADDRESS, FOLDER

Props = dict[str, Any]
#: The name of each stack in there.
STACK = "upgrade"
#: Characters of the shortest text that is taken for an id: shorter ones can be a part of other words.
ID = 8


def configuration(version: str, changes: Mapping[str, Any]) -> Props:
    """The configuration of the release's stack with what a user changes for the upgrade."""
    return project.configuration(version, changes, folder=FOLDER)


def create(version: str, region: Region, images: Images) -> list[Props]:
    """Create the resources of the release's state in the region. Returns the state with the ids that they got."""
    aws = Aws(region.client)
    rows = ROWS | {awsx.BUILD: awsx.build_row(images, ROOT)}
    known = {ADDRESS: region.environment()["AWS_ENDPOINT_URL"]}
    state = []
    for stored in json.loads(Path(FOLDER, f"{version}.json").read_text(encoding="utf-8")):
        resource = _with(known, stored)
        if resource["custom"] and resource["type"] in rows:
            inputs = {name: value for name, value in resource["inputs"].items() if name != diff.DEFAULTED}
            made, computed = rows[resource["type"]].create(aws, inputs)
            outputs = resource["outputs"] | computed
            known.update(_differences(resource["id"], made), **dict(_pairs(resource["outputs"], outputs)))
            resource |= {"id": made, "outputs": outputs}
        state.append(resource)
    return state


def _with(known: Mapping[str, str], value: Any) -> Any:
    """The value with the ids of this region."""
    match value:
        case dict():
            return {name: _with(known, item) for name, item in value.items()}
        case list():
            return [_with(known, item) for item in value]
        case str():
            for old in sorted(known, key=len, reverse=True):
                value = value.replace(old, known[old])
    return value


def _differences(old: str, new: str) -> dict[str, str]:
    return {old: new} if old != new and len(old) >= ID else {}


def _pairs(old: Any, new: Any) -> Iterator[tuple[str, str]]:
    match old, new:
        case dict(), dict():
            for name in old.keys() & new.keys():
                yield from _pairs(old[name], new[name])
        case str(), str():
            yield from _differences(old, new).items()
