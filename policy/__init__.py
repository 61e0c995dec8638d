"""What the settings deploy, as plain data: alarms, step policies and scheduled changes. Imports settings only."""
