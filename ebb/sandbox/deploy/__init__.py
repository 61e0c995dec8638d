"""`pulumi up` in the sandbox: the Pulumi CLI, the Automation API, and an in-process fallback."""
