"""Writes a forecast for people and programs: terminal, JSON, HTML and plots."""
