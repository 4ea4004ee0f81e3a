"""Judging cohorts: what happens to patients, how often, after how long, and whose it was."""
