"""Days of a stack as data points, and the alarms on them in virtual time: the operators' alarms, and AWS's own."""
