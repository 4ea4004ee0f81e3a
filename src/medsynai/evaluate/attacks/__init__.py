"""Attacks: each with a control set, an interval, a baseline and a positive control."""
