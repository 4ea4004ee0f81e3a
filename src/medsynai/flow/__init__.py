"""The flow: a plan, a folder, stages, and the run that strings them."""
