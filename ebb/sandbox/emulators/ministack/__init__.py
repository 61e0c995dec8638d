"""MiniStack as a child process, and what the sandbox replaces in it: API Gateway integrations, workflows, templates."""
