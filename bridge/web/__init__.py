"""The doors: HTTP in, a call to a port, HTTP out. Nothing is decided here."""
