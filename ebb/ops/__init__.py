"""What an operator does to a deployed stack, from a machine of their own with their own credentials."""
