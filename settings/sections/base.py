"""What all sections share."""

from pydantic import BaseModel, ConfigDict

#: The project's name in Pulumi.yaml, and the prefix of each section's key.
PROJECT = "ebb"


class Section(BaseModel):
    """Base of all settings: frozen; an unknown key is an error."""

    # strict: YAML has types, so a quoted number or the word `yes` is a mistake
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
