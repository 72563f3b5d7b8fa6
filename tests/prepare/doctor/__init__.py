"""A good data set, and the known ways to break it; a package, so that other tests can import it."""
