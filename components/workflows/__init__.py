"""Express workflows in Amazon States Language, as plain data. `wake.py` and `job_workflows.py` deploy them."""
