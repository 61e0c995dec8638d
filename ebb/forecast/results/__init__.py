"""What many runs give: statistics, the bill, known problems."""
