"""The review page: results → one HTML file that works from disk, without network."""
