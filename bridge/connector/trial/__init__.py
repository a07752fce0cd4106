"""Recorded requests and lists, played through a connector offline."""
