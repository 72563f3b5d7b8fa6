"""Building blocks of the HTML pages that this package writes."""
