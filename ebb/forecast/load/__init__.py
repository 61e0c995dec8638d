"""When jobs arrive and how long they take."""
