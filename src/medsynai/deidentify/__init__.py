"""De-identification: direct identifiers out, dates made safe, surrogate keys."""
