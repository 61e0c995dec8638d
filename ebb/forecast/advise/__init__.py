"""The search for the cheapest settings that meet a wait."""
