"""A good data set, and every single way that we know to break it; a package, so that other tests can import it."""
