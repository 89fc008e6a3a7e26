"""The ``evgi`` command: parses, calls the package, prints. Data to stdout, progress to stderr."""
