"""Fits the model's delays to what happened in a deployed stack. Pure: it gets plain records."""
