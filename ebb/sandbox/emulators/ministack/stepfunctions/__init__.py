"""Patches of MiniStack's Step Functions: executions, JSONata, calls of AWS services."""
