"""All devices: the vendor's lists, page by page in bounded memory, joined to what a look would give."""
