"""MiniStack as a child process, and our patches of it: API Gateway, its integrations and templates, workflows."""
