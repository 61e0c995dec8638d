"""Inputs that contain a value which the stack file keeps encrypted."""

import pulumi

from settings import Section


def kept(value: pulumi.Input[str], section: Section) -> pulumi.Output[str]:
    """The input, as a secret of Pulumi's if a value of the section is encrypted: the state keeps it encrypted."""
    return pulumi.Output.secret(value) if section.encrypted else pulumi.Output.from_input(value)
