"""What is deployed: one ComponentResource per file, wired together by `__main__.py`."""
