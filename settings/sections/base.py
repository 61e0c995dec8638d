"""What all sections share."""

from pydantic import BaseModel, ConfigDict, PrivateAttr

#: The project's name in Pulumi.yaml, and the prefix of each section's key.
PROJECT = "ebb"


class Section(BaseModel):
    """Base of all settings: frozen; an unknown key is an error."""

    # strict: YAML has types, so a quoted number or the word `yes` is a mistake
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False, serialize_by_alias=True)

    _encrypted: bool = PrivateAttr(default=False)

    @property
    def encrypted(self) -> bool:
        """Whether a value of this section is encrypted in the stack file, and what contains it must stay a secret."""
        return self._encrypted

    def mark_encrypted(self) -> None:
        """Say that a value of this section is encrypted in the stack file."""
        self._encrypted = True
