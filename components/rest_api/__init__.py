"""The REST API's routes, what API Gateway answers itself, and its stage. `api.py` deploys them."""
