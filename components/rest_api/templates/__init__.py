"""Mapping templates (VTL), a module for each service that a route calls: its requests, and the answers to callers."""
