"""A pure model of CloudWatch alarms and Application Auto Scaling. The forecast and the sandbox run on it."""
