"""Regular series, from a file to a release and back."""
