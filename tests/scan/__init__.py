"""checkov and prowler on what is deployed: `make scan`. Each has its own environment, because of its dependencies."""
