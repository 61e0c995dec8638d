"""IAM policies of the roles that deploy and preview a stack, from the stack's own names, place and settings. Pure."""
