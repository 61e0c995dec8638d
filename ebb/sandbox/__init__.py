"""A small AWS region on this machine, deployed to by the real Pulumi engine."""
