"""Cohorts, from the folder to the release; see `flow.kinds`."""
