"""Commands for a deployed stack, with the credentials of the person who runs them."""
