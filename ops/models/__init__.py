"""The application schema that this repository's own migrations manage."""
