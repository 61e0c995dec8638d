"""The live page of a stack: a small server on 127.0.0.1, and what it sends to the browser."""
