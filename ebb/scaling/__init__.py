"""A pure model of CloudWatch alarms and Application Auto Scaling, for whoever executes or simulates them."""
