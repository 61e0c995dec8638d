"""The commands for a deployed stack: options and printing. One module per subject; help answers without boto3."""
