"""Building blocks of every HTML page that this package writes: shell, tiles and charts."""
