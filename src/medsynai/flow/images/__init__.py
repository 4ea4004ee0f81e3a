"""Images, from a folder or a file to a release and back."""
