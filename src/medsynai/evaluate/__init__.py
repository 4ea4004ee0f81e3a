"""The judging wing: fidelity, detection, utility, privacy, fairness of anybody's table."""
